// Two devices of one person show the same conversation.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bubble, holds, launch, signedIn, startRelay, until, write } from './lib.mjs';

let relay, browser, phone, laptop, ben;

const device = () => signedIn(browser, relay, 'mia', 'Mia', { to: 'ben' });

before(async () => {
  [relay, browser] = await Promise.all([startRelay(), launch()]);
  ben = await relay.user('ben', 'Ben');
  phone = await device();
  laptop = await device();
});
after(async () => {
  await browser?.close();
  await relay?.stop();
});

const state = (page, text, ...wanted) => until(`${text} is ${wanted}`, async () => wanted.includes(await bubble(page, text).getAttribute('data-state')));
const row = (page, name) => page.locator('.row', { hasText: name }).first();

test('what-one-device-sends-shows-on-the-other', async () => {
  await write(phone, 'from the phone');
  await bubble(laptop, 'from the phone').waitFor();
  assert.match(await bubble(laptop, 'from the phone').getAttribute('class'), /mine/);
  await write(laptop, 'from the laptop');
  await bubble(phone, 'from the laptop').waitFor();
  for (const page of [phone, laptop]) assert.equal(await page.locator('.msg').count(), 2);
});

test('delivered-and-read-show-on-both', async () => {
  const got = (await until('Ben has both', async () => {
    const list = await ben.poll();
    return list.length && list;
  })).map((m) => m.message_id);
  await ben.poll();
  for (const page of [phone, laptop]) await state(page, 'from the phone', 'delivered');
  await ben.read(got);
  for (const page of [phone, laptop]) await state(page, 'from the phone', 'read');
});

test('edit-and-withdrawal-on-one-device-show-on-the-other', async () => {
  await bubble(laptop, 'from the laptop').locator('.bubble').click({ button: 'right' });
  await laptop.getByRole('menuitem', { name: 'Edit' }).click();
  await holds(laptop.locator('#compose'), 'from the laptop');
  await write(laptop, 'from the desk');
  await bubble(phone, 'from the desk').waitFor();
  await bubble(laptop, 'from the desk').locator('.bubble').click({ button: 'right' });
  await laptop.getByRole('menuitem', { name: 'Withdraw for everybody' }).click();
  await laptop.getByRole('button', { name: 'Withdraw for everybody' }).click();
  await phone.locator('.msg.mine', { hasText: 'Message withdrawn' }).waitFor();
});

test('reading-on-one-device-clears-the-count-on-the-other', async () => {
  await laptop.keyboard.press('Escape');
  await laptop.locator('#compose').waitFor({ state: 'detached' });
  await phone.bringToFront();
  await ben.send('mia', 'for both of you');
  await bubble(phone, 'for both of you').waitFor();
  await until('the laptop has it, read', async () => (await row(laptop, 'for both of you').count()) === 1 && (await row(laptop, 'Ben').locator('.badge').count()) === 0);
});

test('a-reaction-on-one-device-shows-on-the-other-and-reaches-the-writer', async () => {
  const thumb = '\u{1F44D}';
  await bubble(phone, 'for both of you').locator('.bubble').click({ button: 'right' });
  await phone.locator(`button[aria-label="${thumb}"]`).first().click();
  await row(laptop, 'Ben').click();
  for (const page of [phone, laptop]) await bubble(page, 'for both of you').getByText(thumb).waitFor();
  await until('Ben has it', async () => (await ben.poll()).some((m) => m.kind === 'reaction' && m.text === thumb));
  await laptop.keyboard.press('Escape');
});

test('a-block-on-one-device-is-known-on-the-other', async () => {
  await row(laptop, 'Ben').click();
  await laptop.locator('#compose').waitFor();
  await bubble(phone, 'for both of you').locator('.bubble').click({ button: 'right' });
  await phone.getByRole('menuitem', { name: 'Block Ben' }).click();
  await phone.getByRole('dialog').getByRole('button', { name: 'Block' }).click();
  for (const page of [phone, laptop]) await page.getByText('You blocked this person.').waitFor();
});

test('no-fault-is-told', () => {
  assert.deepEqual([...phone.faults, ...laptop.faults], []);
});
