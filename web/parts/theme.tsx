/** Light or dark: as the system has it, until somebody chooses. */
import { signal } from '@preact/signals';

const themes = ['system', 'light', 'dark'] as const;
type Theme = (typeof themes)[number];

const STORED = 'theme';

const theme = signal<Theme>('system');

function use(chosen: Theme): void {
  theme.value = chosen;
  if (chosen === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
}

/** Storage may be forbidden: then the choice lasts as long as the page. */
function stored(): Theme {
  try {
    return themes.find((one) => one === localStorage.getItem(STORED)) ?? 'system';
  } catch {
    return 'system';
  }
}

use(stored());

const icons: Readonly<Record<Theme, string>> = { system: '◐', light: '☀', dark: '☾' };

export function ThemeButton() {
  const next = themes[(themes.indexOf(theme.value) + 1) % themes.length] ?? 'system';
  const choose = (): void => {
    use(next);
    try {
      localStorage.setItem(STORED, next);
    } catch {
      // See `stored`.
    }
  };
  return (
    <button
      type="button"
      class="plain"
      onClick={choose}
      title={`Theme: ${theme}. Change to ${next}`}
      aria-label={`Theme: ${theme}`}
    >
      {icons[theme.value]}
    </button>
  );
}
