// Does in Chromium what it is told to, a line of JSON each, and prints what came of it as a line.
// NODE_EXTRA_CA_CERTS=FILE node browser.mjs FHIR_URL
import { createInterface } from 'node:readline'
import { chromium } from 'playwright-core'
import { SCOPE, keys, listen, seen } from './apps.mjs'
import { cable } from './cable.mjs'
import * as person from './person.mjs'
import * as strict from './strict.mjs'

const [fhir] = process.argv.slice(2)
let secret
const apps = await listen(() => secret)
const { origin } = apps
const quiet = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: quiet })

const at = `?iss=${encodeURIComponent(fhir)}`
const standalone = (app) => `${origin}/${app}/standalone${at}`
const posted = `${origin}/public/posted${at}`

async function approved (page, asked) {
  await person.logIn(page, asked)
  if (asked.pick) await person.pick(page, asked.pick)
  await person.allow(page)
}

// What fhirclient has in the page to which the browser came back.
async function result (page, app) {
  await page.waitForURL(`${origin}/${app}*`)
  await page.waitForFunction('window.client || window.failure')
  return page.evaluate(`window.failure ? { failure: window.failure } : (${seen})(window.client)`)
}

const flows = {
  told: async (_, asked) => { ({ secret } = asked) },

  async standalone (page, { app, ...asked }) {
    await page.goto(standalone(app))
    await approved(page, asked)
    return result(page, app)
  },

  async 'on its server' (page, asked) {
    await page.goto(standalone('secretive'))
    await approved(page, asked)
    await page.waitForURL(`${origin}/secretive*`)
    const cookies = await page.context().cookies(fhir)
    return { cookies, ...JSON.parse(await page.locator('body').innerText()) }
  },

  async posted (page, asked) {
    await page.goto(posted)
    await person.logIn(page, asked)
    await person.pick(page, asked.pick)
    await person.deny(page)
    const { failure } = await result(page, 'public')
    await page.goto(posted)
    await person.pick(page, asked.pick)
    await person.allow(page)
    return { denied: failure, ...await result(page, 'public') }
  },

  async launched (page, { url, ...asked }) {
    await page.goto(url)
    await approved(page, asked)
    const first = await result(page, 'public')
    await page.goto(url)
    return { ...first, twice: (await result(page, 'public')).failure }
  },

  async 'taken back' (page, asked) {
    await page.goto(standalone('public'))
    await approved(page, asked)
    await result(page, 'public')
    const pages = await page.context().newPage()
    await pages.goto(`${new URL(fhir).origin}/oauth/apps`)
    await pages.getByRole('region', { name: 'Chart' }).getByRole('button', { name: 'Take it back' }).click()
    await pages.getByRole('status').waitFor()
    return page.evaluate('client.request("Observation").then(() => "shown", (error) => error.message)')
  },

  async 'by keyboard' (page, { name, password, pick }) {
    await page.goto(standalone('public'))
    await person.byKeyboard(page, 'textbox', 'User name', name)
    await person.byKeyboard(page, 'textbox', 'Password', password)
    await page.keyboard.press('Enter')
    await page.waitForURL('**/oauth/patient*')
    await person.byKeyboard(page, 'textbox', 'Name, or its beginning', pick)
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: new RegExp(pick) }).waitFor()
    await person.byKeyboard(page, 'button', new RegExp(pick))
    await page.waitForURL('**/oauth/consent*')
    await person.byKeyboard(page, 'button', 'Allow')
    return result(page, 'public')
  },

  // Every page of ours on the way, and what is wrong with each.
  async looked (page, { name, once, password, pick }) {
    const found = {}
    const look = async () => { found[await person.heading(page)] = await person.faults(page) }
    const open = (path) => page.goto(new URL(path, fhir).href)
    await page.setViewportSize({ width: 320, height: 640 })
    await open('/oauth/authorize')
    await look()
    await page.goto(`${origin}/public/visit${at}`)
    await look()
    await person.logIn(page, { name, password: 'not the password' })
    found['Log in, again'] = await person.faults(page)
    await person.logIn(page, { name, password: once })
    await look()
    await person.choosePassword(page, once, password)
    await look()
    await person.pick(page, pick)
    await look()
    await page.getByRole('button', { name: 'No visit in particular' }).click()
    await look()
    await person.allow(page)
    await result(page, 'public')
    await open('/oauth/apps')
    await look()
    await page.getByRole('button', { name: 'Log out' }).click()
    await look()
    return found
  },

  async sent (page, { url, ...asked }) {
    await page.goto(url)
    await approved(page, asked)
    await page.waitForURL(`${origin}/strict*`)
    return page.url()
  },

  code: (page, asked) => strict.code(
    { fhir, origin, key: keys.RS384.private, scope: SCOPE },
    async (url) => new URL(await flows.sent(page, { url, ...asked }))
  ),

  'for itself': (_, { id, algorithm, scope }) => strict.forItself({ fhir, id, scope, key: keys[algorithm].private }),

  async vitals (page, asked) {
    await page.goto(`${origin}/vitals/${at}`)
    await approved(page, asked)
    await page.getByRole('table').waitFor()
    return { said: await page.getByRole('status').innerText(), rows: await page.locator('tbody tr').allInnerTexts() }
  },

  // What the page shows of readings before, while and after it is cut off; and from where it asked to go on.
  async watched (page, { patient, token, readings: [before, meanwhile, after] }) {
    const resumed = []
    page.on('request', (request) => { if (request.url().includes('/live/patients/')) resumed.push(request.headers()['last-event-id'] ?? null) })
    const send = (body) => fetch(`${fhir}/Observation`, {
      method: 'POST', headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/fhir+json' }, body: JSON.stringify(body)
    })
    const rows = page.locator('#values tbody tr')
    const say = (text) => page.getByRole('status').filter({ hasText: text }).waitFor()
    const way = await cable(new URL(fhir).origin)
    try {
      await page.goto(`${origin}/live/`)
      await page.getByLabel('Server').fill(way.url)
      await page.getByLabel('Patient').fill(patient)
      await page.getByLabel('Token').fill(token)
      await page.getByRole('button', { name: 'Watch' }).click()
      await say('Watching.')
      await send(before)
      await rows.nth(0).waitFor()
      way.pull()
      await say('broke off')
      await send(meanwhile)
      await way.plug()
      await rows.nth(1).waitFor()
      await send(after)
      await rows.nth(2).waitFor()
      return { rows: await rows.allInnerTexts(), resumed, faults: await person.faults(page) }
    } finally {
      way.pull()
    }
  }
}

// Whether scripts run: those of apps, which is nothing to our pages.
const scripts = { 'on its server': false }

async function done ({ flow, ...asked }) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, javaScriptEnabled: scripts[flow] ?? true })
  context.setDefaultTimeout(20_000)
  const page = await context.newPage()
  try {
    return { answer: await flows[flow](page, asked) ?? null }
  } catch (error) {
    const shown = await page.locator('body').innerText({ timeout: 1_000 }).catch(String)
    return { failure: `${error.stack}\n${page.url()}\n${shown}` }
  } finally {
    await context.close()
  }
}

const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`)
say({ origin, jwks: Object.fromEntries(Object.entries(keys).map(([name, key]) => [name, { keys: [key.public] }])) })
for await (const line of createInterface({ input: process.stdin })) say(await done(JSON.parse(line)))
await browser.close()
apps.close()
