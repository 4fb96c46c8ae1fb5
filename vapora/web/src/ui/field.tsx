/** The fields of forms that set up what VAPORA speaks to. */

export interface FieldProps {
  name: string;
  label: string;
  value?: string | undefined;
  placeholder?: string;
  pattern?: string;
  optional?: boolean;
  /** Characters at most. */
  most?: number;
}

export function Field({ name, label, value = "", placeholder = "", pattern, optional = false, most = 2_000 }: FieldProps) {
  return (
    <label>
      <span class="label">{label}</span>
      <input class="field" name={name} required={!optional} defaultValue={value} placeholder={placeholder} {...(pattern ? { pattern } : {})} maxLength={most} />
    </label>
  );
}

interface ChoiceProps<V extends string> {
  label: string;
  value: V;
  set: (value: V) => void;
  options: readonly (readonly [V, string])[];
  /** What the empty value means; left out: there is none. */
  none?: string;
}

/** One of some values, which holds at once. */
export function Choice<V extends string>({ label, value, set, options, none }: ChoiceProps<V>) {
  return (
    <label class="min-w-36">
      <span class="label">{label}</span>
      <select class="field" value={value} onChange={(event) => set(event.currentTarget.value as V)}>
        {none && <option value="">{none}</option>}
        {options.map(([one, name]) => (
          <option key={one} value={one}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

/** The values and names of a table, for a choice. */
export const optionsOf = <V extends string>(names: Record<V, string>) => Object.entries(names) as [V, string][];
