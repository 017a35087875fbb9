import { type ErrorComponentProps, Link } from '@tanstack/react-router'
import { sentenceOf } from '../api/problem.ts'
import { Button, buttonForm } from '../parts/actions/button.tsx'
import { Page } from '../parts/layout/page.tsx'

/** Shown in place of a page that failed or whose code could not be loaded, such as after a new version was installed. */
export function PageFailure({ error }: ErrorComponentProps) {
  const isUpdate = error instanceof Error && /import|module/i.test(error.message)
  return (
    <Page title="This page failed">
      <p role="alert">
        {isUpdate
          ? 'The code of this page could not be loaded. The control plane may have been updated.'
          : sentenceOf(error)}
      </p>
      <Button onClick={() => location.reload()}>Reload the page</Button>
    </Page>
  )
}

/** Shown for an address that is no page. */
export function PageMissing() {
  return (
    <Page title="There is no such page">
      <p>The address is wrong, or what it showed has been removed.</p>
      <p>
        <Link to="/" className={buttonForm()}>
          Go to the overview
        </Link>
      </p>
    </Page>
  )
}
