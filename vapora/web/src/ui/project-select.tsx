/** Which project it is for, as a field of a form. */
import { projects } from "../state/board";

interface Props {
  label?: string;
  name?: string;
  required?: boolean;
  /** What it means to name none; left out: one has to be named. */
  none?: string;
}

export function ProjectSelect({ label = "Project", name = "project", required = false, none }: Props) {
  return (
    <label>
      <span class="label">{label}</span>
      <select class="field" name={name} required={required}>
        {none && <option value="">{none}</option>}
        {projects.value.map((one) => (
          <option key={one.id} value={one.id}>
            {one.name}
          </option>
        ))}
      </select>
    </label>
  );
}
