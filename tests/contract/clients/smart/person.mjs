// A person before our pages: what they read, fill in and press, found as a screen reader finds it.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const press = (page, name) => page.getByRole('button', { name }).click()

export async function logIn (page, { name, password }) {
  await page.getByLabel('User name').fill(name)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await press(page, 'Log in')
}

export async function choosePassword (page, old, password) {
  await page.getByLabel('One-time password').fill(old)
  await page.getByLabel('New password', { exact: true }).fill(password)
  await page.getByLabel('New password again').fill(password)
  await press(page, 'Save the new password')
}

export async function pick (page, family) {
  await page.getByLabel('Name, or its beginning').fill(family)
  await press(page, 'Search')
  await press(page, new RegExp(family))
}

export const allow = (page) => press(page, 'Allow')
export const deny = (page) => press(page, 'Deny')
export const heading = (page) => page.getByRole('heading', { level: 1 }).innerText()

// Presses Tab until what is named so has the focus, which must be seen; then types, or presses Enter.
export async function byKeyboard (page, role, name, text) {
  const wanted = page.getByRole(role, { name, exact: typeof name === 'string' })
  for (let steps = 0; steps < 40; steps++) {
    await page.keyboard.press('Tab')
    if (await wanted.evaluate((element) => element === document.activeElement)) {
      const outline = await wanted.evaluate((element) => parseFloat(getComputedStyle(element).outlineWidth))
      if (outline < 2) throw new Error(`the focus on ${name} is not seen`)
      return text === undefined ? page.keyboard.press('Enter') : page.keyboard.type(text)
    }
  }
  throw new Error(`${name} is not reached by Tab on ${page.url()}`)
}

// What axe-core finds wrong on the page, in the light and in the dark, and whether it must be scrolled sideways.
export async function faults (page) {
  const found = await page.evaluate('document.documentElement.scrollWidth > innerWidth') ? ['wider than the window'] : []
  for (const [colorScheme, run] of [['dark', `${axe}; axe.run({ runOnly: ['color-contrast'] })`], ['light', 'axe.run()']]) {
    await page.emulateMedia({ colorScheme })
    const { violations, passes } = await page.evaluate(run)
    if (passes.length === 0) found.push(`${colorScheme}: nothing was checked`)
    found.push(...violations.map(({ id, nodes }) => `${colorScheme}: ${id}: ${nodes.map(({ html }) => html)}`))
  }
  return found
}
