/** The frame of the pages for who is not signed in. */
import type { ComponentChildren } from "preact";
import { useEffect, useId } from "preact/hooks";

export function Outside({ heading, children }: { heading: string; children: ComponentChildren }) {
  useEffect(() => {
    document.title = `${heading} · VAPORA`;
  }, [heading]);
  return (
    <main id="main" class="min-h-full grid place-items-center p-4">
      <div class="glass frosted w-full max-w-100 p-6 flex flex-col gap-4">
        <p class="font-bold tracking-wide">VAPORA</p>
        <h1>{heading}</h1>
        {children}
      </div>
    </main>
  );
}

/** Why it was refused, and what to do; read out as it comes. */
export function Refused({ text }: { text: string }) {
  return text ? (
    <p role="alert" class="text-bad text-sm">
      {text}
    </p>
  ) : null;
}

interface FieldProps {
  label: string;
  name: string;
  type?: "text" | "email" | "password";
  autocomplete: string;
  hint?: string;
  least?: number;
  focus?: boolean;
}

export function Field({ label, name, type = "text", autocomplete, hint, least, focus }: FieldProps) {
  const id = useId();
  return (
    <div>
      <label>
        <span class="label">{label}</span>
        <input
          class="field"
          name={name}
          type={type as "text"}
          autocomplete={autocomplete as "on"}
          required
          minLength={least}
          maxLength={1_000}
          autofocus={focus}
          aria-describedby={hint ? id : undefined}
        />
      </label>
      {hint && (
        <p id={id} class="muted">
          {hint}
        </p>
      )}
    </div>
  );
}

/** The length is what counts; no rule about digits and signs makes a password harder to guess. */
export const LEAST = 12;

export function NewPassword({ label = "Password" }: { label?: string }) {
  return <Field label={label} name="password" type="password" autocomplete="new-password" least={LEAST} hint={`At least ${LEAST} characters.`} />;
}
