# The platform's tables, followed by those of the hand-off. In a monolith these are migrations.
ActiveRecord::Migration.verbose = false
ActiveRecord::Schema.define do
  create_table :users do |t|
    t.string :username, null: false, index: { unique: true }
    t.string :name
    t.string :email
    t.boolean :email_verified
    t.string :picture
    t.json :group_paths
    t.string :password_digest, null: false
    t.datetime :current_sign_in_at
    t.datetime :blocked_at
    t.boolean :admin, null: false, default: false
    t.bigint :replication_version, null: false, default: 1 # hand-off
    t.bigint :credentials_epoch, null: false, default: 0 # hand-off
  end
  create_table :oauth_applications do |t|
    t.string :name, null: false
    t.string :uid, null: false, index: { unique: true }
    t.string :secret, null: false
    t.text :redirect_uri, null: false
    t.string :scopes, null: false, default: ""
    t.boolean :confidential, null: false, default: true
    t.boolean :trusted, null: false, default: false
    t.timestamps null: false
    t.bigint :replication_version, null: false, default: 1 # hand-off
  end
  create_table :oauth_access_grants do |t|
    t.references :resource_owner, null: false
    t.references :application, null: false
    t.string :token, null: false, index: { unique: true }
    t.integer :expires_in, null: false
    t.text :redirect_uri, null: false
    t.datetime :created_at, null: false
    t.datetime :revoked_at
    t.string :scopes, null: false, default: ""
    t.text :code_challenge
    t.text :code_challenge_method
  end
  create_table :oauth_access_tokens do |t|
    t.references :resource_owner
    t.references :application
    t.string :token, null: false, index: { unique: true }
    t.string :refresh_token, index: { unique: true }
    t.integer :expires_in, default: 7200
    t.datetime :revoked_at
    t.datetime :created_at, null: false
    t.string :scopes
  end
  create_table :oauth_openid_requests do |t|
    t.references :access_grant, null: false
    t.string :nonce, null: false
  end

  # hand-off
  create_table :iam_outbox do |t|
    t.string :target, null: false
    t.string :kind, null: false, default: "application"
    t.bigint :application_id, null: false
    t.string :client_id, null: false
    t.bigint :version, null: false
    t.boolean :removed, null: false, default: false
  end
  create_table :iam_grants do |t|
    t.references :user, null: false, foreign_key: { on_delete: :cascade }
    t.string :client_id, null: false
    t.string :scope, null: false
    t.datetime :granted_at, null: false
    t.index %i[user_id client_id scope], unique: true
  end
  create_table :iam_revocations do |t|
    t.bigint :user_id, null: false
    t.string :client_id, null: false
    t.string :client_name, null: false
    t.integer :requests, null: false, default: 0
    t.boolean :unsupported, null: false, default: false
    t.datetime :created_at, null: false
    t.index %i[user_id client_id], unique: true
  end
  create_table :iam_confirmations do |t|
    t.bigint :application_id, null: false, index: { unique: true }
    t.bigint :version, null: false
  end
end
