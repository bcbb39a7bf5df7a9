
addEventListener("keydown", (event) => {
  const box = document.querySelector("input[type=search]");
  const inText = /^(input|textarea|select)$/i.test(event.target.tagName);
  if (event.key === "/" && !inText && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    box.focus();
    box.select();
  }
});
