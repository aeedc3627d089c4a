/** A button that copies a text. */
import { useSignal } from '@preact/signals';

const SHOWN_MS = 1_500;

/** Nothing where the browser has no clipboard for the page: it has one over HTTPS and on this machine only. */
export function Copy({ text, title }: { readonly text: () => string; readonly title: string }) {
  const isCopied = useSignal(false);
  if (navigator.clipboard === undefined) return null;
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text());
    isCopied.value = true;
    setTimeout(() => {
      isCopied.value = false;
    }, SHOWN_MS);
  };
  return (
    <button type="button" class="copy" title={title} onClick={copy}>
      {isCopied.value ? 'Copied' : 'Copy'}
    </button>
  );
}
