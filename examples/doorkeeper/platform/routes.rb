Platform::Application.routes.draw do
  use_doorkeeper { skip_controllers :applications }
  use_doorkeeper_openid_connect
  get "/users/sign_in", to: "sessions#new"
  post "/users/sign_in", to: "sessions#create"
  match "/users/sign_out", to: "sessions#destroy", via: %i[post delete]
  resources :applications, path: "/settings/applications", only: %i[index create update destroy]
  resources :users, path: "/admin/users", only: %i[index update destroy] do
    member { %i[block unblock sign_out].each { |action| post action } }
  end
  get "/api/v4/user", to: "current_user#show"
  get "/readyz", to: ->(_env) { [200, { "Content-Type" => "text/plain" }, ["ready\n"]] }
  root to: "sessions#home"

  # hand-off
  get "/-/iam/consent", to: "iam/consent#show", as: :iam_consent
  post "/-/iam/consent/accept", to: "iam/consent#accept", as: :iam_consent_accept
  post "/-/iam/consent/reject", to: "iam/consent#reject", as: :iam_consent_reject
  post "/-/iam/resource_owner", to: "iam/resource_owners#create"
end
