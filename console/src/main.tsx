import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import './main.css'

const place = document.getElementById('console')
if (place === null) throw new Error('index.html has no element "console"')

createRoot(place).render(
  <StrictMode>
    <main>
      <h1>Handover</h1>
    </main>
  </StrictMode>,
)
