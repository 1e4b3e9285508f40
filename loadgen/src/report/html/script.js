(() => {
  const tip = document.createElement('div');
  tip.className = 'tip';
  tip.hidden = true;
  document.body.append(tip);
  let on;
  const leave = () => { tip.hidden = true; if (on) on.classList.remove('on'); on = undefined; };
  for (const column of document.querySelectorAll('.hover rect')) {
    const title = column.querySelector('title');
    column.dataset.said = title.textContent;
    title.remove();
  }
  const show = event => {
    const column = event.target.closest('.hover rect');
    if (!column) return leave();
    if (on !== column) { leave(); on = column; on.classList.add('on'); tip.textContent = column.dataset.said; tip.hidden = false; }
    const right = event.clientX + 16 + tip.offsetWidth > innerWidth;
    tip.style.left = Math.max(4, right ? event.clientX - 16 - tip.offsetWidth : event.clientX + 16) + 'px';
    tip.style.top = Math.max(4, Math.min(event.clientY + 12, innerHeight - tip.offsetHeight - 4)) + 'px';
  };
  addEventListener('pointermove', show);
  addEventListener('pointerdown', show);
  addEventListener('scroll', leave, { passive: true });
  addEventListener('beforeprint', () => { leave(); for (const folded of document.querySelectorAll('details')) folded.open = true; });
})();
