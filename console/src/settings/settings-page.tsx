import { Page } from '../parts/layout/page.tsx'
import { Channels } from './channels.tsx'
import { Environments } from './environments.tsx'
import { MyRole } from './my-role.tsx'
import { People } from './people.tsx'
import { SideEffects } from './side-effects.tsx'
import { Tokens } from './tokens.tsx'

/** Who may do what? */
export function SettingsPage() {
  return (
    <Page title="Settings">
      <div className="grid gap-4 xl:grid-cols-2">
        <MyRole />
        <Environments />
      </div>
      <SideEffects />
      <Tokens />
      <People />
      <Channels />
    </Page>
  )
}
