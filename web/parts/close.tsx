/** A button that closes what it stands in. */
export function CloseButton({ onClose }: { readonly onClose: () => void }) {
  return (
    <button type="button" class="plain" aria-label="Close" onClick={onClose}>
      ✕
    </button>
  );
}
