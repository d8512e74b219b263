// A patient's values and devices in one page, as they come: server-sent events of the live view, resumed where they broke off.
// https://html.spec.whatwg.org/multipage/server-sent-events.html
//
//   FHIR_CORS_ORIGINS='["http://127.0.0.1:9000"]' fhir-server serve       # lets pages of that origin ask
//   python -m http.server 9000 --bind 127.0.0.1 -d examples/live_view
//
// An EventSource can send no Authorization header, and a token has no place in an address: so the events are read by fetch.

const KEPT = 50
const PATIENCE_MS = 45_000 // the server sends a sign of life every 15 seconds

const $ = (selector) => document.querySelector(selector)
const say = (text) => { $('[role=status]').textContent = text }
const shown = (id) => Object.assign($(id), { hidden: false }).tBodies[0]
const time = (text) => text ? new Date(text).toLocaleTimeString() : '–'

class Refused extends Error {}

const seen = {
  observation ({ change, observation, reference }) {
    const id = observation?.id ?? reference.split('/')[1]
    const body = shown('#values')
    for (const row of body.querySelectorAll(`[data-id="${CSS.escape(id)}"]`)) row.remove()
    if (observation) body.prepend(...rows(observation, change))
    while (body.rows.length > KEPT) body.rows[KEPT].remove()
  },
  device ({ device, device_id: name, connection, last_seen: last }) {
    const row = $(`[data-id="${CSS.escape(device)}"]`) ?? shown('#devices').insertRow()
    fill(row, device, [name, connection, time(last)])
  },
  missed ({ search }) { say(`There was more than could be sent. What is not shown here is at ${search}`) },
  end ({ reason }) { if (reason === 'patient') throw new Refused('This patient is not to be seen any more.') }
}

// A row for the value, or one for each component.
function rows (observation, change) {
  const when = time(observation.effectiveDateTime ?? observation.effectivePeriod?.end ?? observation.issued)
  const values = [observation, ...observation.component ?? []].filter((each) => each.valueQuantity)
  return values.map(({ code, valueQuantity: { value, unit } }) => {
    const what = code.text ?? code.coding[0].display ?? code.coding[0].code
    const row = fill(document.createElement('tr'), observation.id, [when, what, `${value} ${unit ?? ''}`])
    if (change === 'amended') row.cells[2].append(' (corrected)')
    return row
  })
}

function fill (row, id, texts) {
  row.dataset.id = id
  row.replaceChildren()
  for (const text of texts) row.insertCell().textContent = text
  return row
}

// Each event as its fields; a sign of life has no data, but may say from where to go on.
async function * events (body, alive) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    alive()
    const parts = (text + value).split('\n\n')
    text = parts.pop()
    for (const part of parts) yield Object.fromEntries(part.split('\n').filter((line) => /^[a-z]/.test(line)).map(field))
  }
}

const field = (line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trimStart()]

// Follows the stream until it breaks off; returns how long to wait before the next, in milliseconds.
async function follow (address, headers, place) {
  const control = new AbortController()
  let silent
  const alive = () => { clearTimeout(silent); silent = setTimeout(() => control.abort(), PATIENCE_MS) }
  alive()
  try {
    const resume = place.last ? { 'Last-Event-ID': place.last } : {}
    const answer = await fetch(address, { headers: { ...headers, ...resume }, cache: 'no-store', signal: control.signal })
    if ([400, 401, 403, 404, 410].includes(answer.status)) throw new Refused(`${answer.status} ${await answer.text()}`)
    if (!answer.ok) return 1000 * (answer.headers.get('Retry-After') ?? 5)
    say('Watching.')
    for await (const { id, event, data, retry } of events(answer.body, alive)) {
      if (data) seen[event]?.(JSON.parse(data))
      if (id) place.last = id
      if (retry) place.wait = Number(retry)
    }
  } finally {
    clearTimeout(silent)
  }
  return place.wait
}

async function watch ({ server, patient, token }) {
  const place = { wait: 1000 }
  for (;;) {
    let wait = place.wait
    try {
      wait = await follow(`${server}/live/patients/${encodeURIComponent(patient)}`, { Authorization: `Bearer ${token}` }, place)
    } catch (error) {
      if (error instanceof Refused) return say(error.message)
    }
    say('The connection broke off. Trying again …')
    await new Promise((resolve) => setTimeout(resolve, wait))
  }
}

$('form').addEventListener('submit', (event) => {
  event.preventDefault()
  event.target.hidden = true
  say('Connecting …')
  watch(Object.fromEntries(new FormData(event.target)))
})
