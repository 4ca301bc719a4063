/* A filter, and keys: what the page of a listing can do without being asked for again. Without this script all of it
 * works, but for the filter, which is not shown then. */
(() => {
  'use strict';
  const input = document.querySelector('input');
  const list = document.querySelector('tbody');
  const rows = [...list.querySelectorAll('tr:not(.u)')];
  const count = document.getElementById('count');
  const total = count.textContent;

  const filter = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const name = row.cells[0].textContent.toLowerCase();
      row.hidden = !words.every(word => name.includes(word));
      shown += row.hidden ? 0 : 1;
    }
    count.textContent = words.length > 0 ? `${shown} of ${rows.length} match` : total;
  };

  /* From the row that has the focus to the next one that is shown, up or down; from none, to the first or last. */
  const move = down => {
    let row = document.activeElement.closest('tbody tr');
    do {
      row = row ? row[down ? 'nextElementSibling' : 'previousElementSibling']
                : list[down ? 'firstElementChild' : 'lastElementChild'];
    } while (row && row.hidden);
    const link = row && row.querySelector('a');
    if (link)
      link.focus();
    else if (!down)
      input.focus();
  };

  const keys = {
    'ArrowDown': () => move(true),
    'ArrowUp': () => move(false),
    'j': () => move(true),
    'k': () => move(false),
    '/': () => input.select(),
    'Backspace': () => document.querySelector('.u a')?.click(),
  };

  const keysOfInput = {
    'ArrowDown': () => move(true),
    'Enter': () => move(true),
    'Escape': () => {
      input.value = '';
      filter();
      input.blur();
    },
  };

  document.addEventListener('keydown', event => {
    const table = event.target === input ? keysOfInput : keys;
    if (event.ctrlKey || event.altKey || event.metaKey || !Object.hasOwn(table, event.key))
      return;
    event.preventDefault();
    table[event.key]();
  });

  input.addEventListener('input', filter);
  input.parentElement.hidden = false;
  document.getElementById('keys').hidden = false;
  if (input.value !== '') /* kept by the browser */
    filter();
})();
