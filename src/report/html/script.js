"use strict";
(function () {
  document.documentElement.classList.add("js");

  // Copying: where a browser refuses the clipboard, as for some files, the text is selected and copied the old way.
  function select(code) {
    var range = document.createRange();
    range.selectNodeContents(code);
    var selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  }
  function copied(button, done) {
    button.textContent = done ? button.dataset.copied : button.dataset.selected;
    setTimeout(function () { button.textContent = button.dataset.copy; }, 2500);
  }
  function oldWay(button, code) {
    select(code);
    var done = false;
    try { done = document.execCommand("copy"); } catch (error) { done = false; }
    copied(button, done);
  }
  document.querySelectorAll("button.copy").forEach(function (button) {
    button.hidden = false;
    button.addEventListener("click", function () {
      var code = document.getElementById(button.dataset.of);
      if (!navigator.clipboard) { oldWay(button, code); return; }
      navigator.clipboard.writeText(code.textContent).then(
        function () { copied(button, true); },
        function () { oldWay(button, code); });
    });
  });

  // On paper nothing can be unfolded.
  var folded = [];
  window.addEventListener("beforeprint", function () {
    folded = Array.prototype.slice.call(document.querySelectorAll("details:not([open])"));
    folded.forEach(function (details) { details.open = true; });
  });
  window.addEventListener("afterprint", function () {
    folded.forEach(function (details) { details.open = false; });
  });

  // The appendix.
  var block = document.getElementById("flows-data");
  if (!block) { return; }
  var data = JSON.parse(block.textContent);
  var section = document.getElementById("flows");
  var body = section.querySelector("tbody");
  var heads = section.querySelectorAll("thead th");
  var status = document.getElementById("flows-status");
  var previous = document.getElementById("flows-previous");
  var next = document.getElementById("flows-next");
  var search = document.getElementById("flows-search");
  var whose = document.getElementById("flows-whose");
  var where = document.getElementById("flows-where");
  var column = {};
  data.heads.forEach(function (head, at) { column[head.id] = at; });

  // Texts are compared by their rank, which is found once.
  var order = data.texts.map(function (_, at) { return at; });
  order.sort(function (a, b) {
    return data.texts[a] < data.texts[b] ? -1 : data.texts[a] > data.texts[b] ? 1 : 0;
  });
  var rank = [];
  order.forEach(function (text, at) { rank[text] = at; });
  var lower = data.texts.map(function (text) { return text.toLowerCase(); });

  var sorted = { column: 0, down: false };
  var shown = data.rows;
  var page = 0;

  function choices(select, at) {
    var seen = {};
    data.rows.forEach(function (row) { seen[row[at]] = true; });
    Object.keys(seen).map(Number).sort(function (a, b) { return rank[a] - rank[b]; }).forEach(function (text) {
      var option = document.createElement("option");
      option.value = String(text);
      option.textContent = data.texts[text];
      select.appendChild(option);
    });
  }

  function matching() {
    var wanted = search.value.trim().toLowerCase();
    var hit = lower.map(function (text) { return text.indexOf(wanted) >= 0; });
    var rows = data.rows.filter(function (row) {
      if (whose.value !== "" && row[column.whose] !== Number(whose.value)) { return false; }
      if (where.value !== "" && row[column.where] !== Number(where.value)) { return false; }
      if (wanted === "") { return true; }
      return row.some(function (value, at) {
        return data.heads[at].is_number ? value >= 0 && String(value) === wanted : hit[value];
      });
    });
    var by = sorted.column, sign = sorted.down ? -1 : 1, isNumber = data.heads[by].is_number;
    // Equal rows stay in the order of the capture.
    return rows.sort(function (a, b) {
      var difference = isNumber ? a[by] - b[by] : rank[a[by]] - rank[b[by]];
      return sign * difference || a[0] - b[0];
    });
  }

  function thousands(number) { return String(number).replace(/\B(?=(\d{3})+$)/g, ","); }

  function draw() {
    var from = page * data.page, until = Math.min(from + data.page, shown.length);
    var rows = document.createDocumentFragment();
    shown.slice(from, until).forEach(function (row) {
      var line = document.createElement("tr");
      row.forEach(function (value, at) {
        var isNumber = data.heads[at].is_number;
        var cell = document.createElement(at === 0 ? "th" : "td");
        if (at === 0) { cell.scope = "row"; }
        if (isNumber) { cell.className = "n"; }
        var text = isNumber ? (value < 0 ? "" : thousands(value)) : data.texts[value];
        if (at === column.destination && value >= 0) {
          var link = document.createElement("a");
          link.href = "#d" + value;
          link.textContent = text;
          cell.appendChild(link);
        } else {
          cell.textContent = text;
        }
        line.appendChild(cell);
      });
      rows.appendChild(line);
    });
    body.replaceChildren(rows);
    var total = thousands(data.rows.length);
    var words = shown.length === 0
      ? "No flow of {all} matches."
      : shown.length < data.rows.length
        ? "Flows {from} to {until} of {shown} that match, of {all} in all."
        : "Flows {from} to {until} of {shown}.";
    var numbers = { all: total, from: thousands(from + 1), until: thousands(until), shown: thousands(shown.length) };
    status.textContent = data.words[words].replace(/\{(\w+)\}/g, function (_, name) { return numbers[name]; });
    previous.disabled = page === 0;
    next.disabled = until >= shown.length;
  }

  function again() {
    shown = matching();
    page = 0;
    draw();
  }

  heads.forEach(function (head, at) {
    var button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    head.setAttribute("aria-sort", at === 0 ? "ascending" : "none");
    button.addEventListener("click", function () {
      sorted = { column: at, down: sorted.column === at && !sorted.down };
      heads.forEach(function (other, number) {
        other.setAttribute("aria-sort", number !== at ? "none" : sorted.down ? "descending" : "ascending");
      });
      again();
    });
  });
  choices(whose, column.whose);
  choices(where, column.where);
  var pending = 0;
  search.addEventListener("input", function () {
    clearTimeout(pending);
    pending = setTimeout(again, 150);
  });
  whose.addEventListener("change", again);
  where.addEventListener("change", again);
  previous.addEventListener("click", function () { page -= 1; draw(); });
  next.addEventListener("click", function () { page += 1; draw(); });
  document.getElementById("flows-controls").hidden = false;
  document.getElementById("flows-plain").hidden = true;
  draw();
})();
