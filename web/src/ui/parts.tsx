// Small parts that every screen uses.
import type { ButtonHTMLAttributes, ComponentChildren, InputHTMLAttributes } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { hueOf } from '../base/ids';
import { initials, plainName } from '../base/text';
import { Icon, type IconName } from './icon';

type ButtonProps = Omit<ButtonHTMLAttributes<HTMLButtonElement>, 'icon' | 'label'> & { icon: IconName; label: string; main?: boolean; keys?: string };

/** A round button: an icon with a name for everybody who does not see it. */
export function Round({ icon, label, main, keys, class: more, ...rest }: ButtonProps) {
  return (
    <button type="button" {...(rest as object)} class={`round${main ? ' main' : ''}${more ? ' ' + String(more) : ''}`} aria-label={label} title={keys ? `${label} (${keys})` : label} aria-keyshortcuts={keys?.replace(/Ctrl/, 'Control')}>
      <Icon name={icon} />
    </button>
  );
}

export function Button({ kind = '', icon, busy, children, class: more, ...rest }: Omit<ButtonHTMLAttributes<HTMLButtonElement>, 'icon'> & { kind?: '' | 'main' | 'quiet' | 'bad'; icon?: IconName; busy?: boolean }) {
  return (
    <button type="button" {...(rest as object)} class={`button ${kind}${more ? ' ' + String(more) : ''}`} aria-busy={busy || undefined}>
      {icon && <Icon name={icon} small />}
      {children}
    </button>
  );
}

export function Avatar({ name, address, size = '', shape = 'round', icon, online }: { name: string; address: string; size?: '' | 'mid' | 'small' | 'large'; shape?: 'round' | 'group'; icon?: IconName; online?: boolean }) {
  return (
    <span class={`avatar ${size} ${shape === 'group' ? 'group' : ''}`} data-hue={hueOf(address)} data-online={online || undefined} aria-hidden="true">
      {icon ? <Icon name={icon} /> : initials(plainName(name))}
    </span>
  );
}

/** Foreign text on one line: its own direction, cut at its end. */
export function One({ children, class: more = '', ...rest }: { children: ComponentChildren; class?: string; title?: string }) {
  return (
    <span class={`one ${more}`} dir="auto" {...rest}>
      {children}
    </span>
  );
}

/** The heading of a pane: the first one of the page where it is alone. */
export function PaneTitle({ first, children, class: more, ...rest }: { first: boolean; children: ComponentChildren; class?: string; dir?: 'auto' }) {
  const Tag = first ? 'h1' : 'h2';
  return (
    <Tag class={more} {...rest}>
      {children}
    </Tag>
  );
}

export const Hidden = ({ children }: { children: ComponentChildren }) => <span class="hidden">{children}</span>;

interface FieldProps extends Omit<InputHTMLAttributes<HTMLInputElement>, 'label' | 'id'> {
  label: string;
  hint?: ComponentChildren;
  error?: string;
  id: string;
}

export function Field({ label, hint, error, id, ...rest }: FieldProps) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (rest.autofocus) field.current!.focus();
  }, []);
  const about = error || hint ? `${id}-about` : undefined;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input ref={field} id={id} dir="auto" {...(rest as object)} aria-invalid={error ? true : undefined} aria-describedby={about} />
      {about && (
        <p id={about} class={error ? 'field-error' : 'field-hint'} role={error ? 'alert' : undefined}>
          {error || hint}
        </p>
      )}
    </div>
  );
}

export function Switch({ label, hint, checked, onChange, disabled }: { label: ComponentChildren; hint?: ComponentChildren; checked: boolean; onChange: (on: boolean) => void; disabled?: boolean }) {
  return (
    <label class="switch">
      <span class="grow">
        <span class="block">{label}</span>
        {hint && <span class="field-hint block">{hint}</span>}
      </span>
      <input type="checkbox" role="switch" checked={checked} disabled={disabled} onChange={(e) => onChange(e.currentTarget.checked)} />
    </label>
  );
}

export function Choice<T extends string | number>({ label, value, options, onChange, hint, id }: { label: string; value: T; options: [T, string][]; onChange: (v: T) => void; hint?: ComponentChildren; id: string }) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} value={String(value)} onChange={(e) => onChange(options.find(([v]) => String(v) === e.currentTarget.value)![0])}>
        {options.map(([v, name]) => (
          <option key={v} value={String(v)}>
            {name}
          </option>
        ))}
      </select>
      {hint && <p class="field-hint">{hint}</p>}
    </div>
  );
}

export function Empty({ icon, title, children }: { icon: IconName; title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <Icon name={icon} />
      <p class="title">{title}</p>
      {children}
    </div>
  );
}
