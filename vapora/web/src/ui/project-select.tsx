/** Which project it is for: the field `project` of a form. */
import { projects } from "../state/board";

export function ProjectSelect({ label = "Project", required = false }: { label?: string; required?: boolean }) {
  return (
    <label>
      <span class="label">{label}</span>
      <select class="field" name="project" required={required}>
        {projects.value.map((one) => (
          <option key={one.id} value={one.id}>
            {one.name}
          </option>
        ))}
      </select>
    </label>
  );
}
