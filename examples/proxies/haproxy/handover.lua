-- Asks the control plane where a request goes, and leaves the answer in txn.handover_destination.
-- Also leaves IAM's own cookies in txn.handover_iam_cookies. docs/how-to/use-your-own-proxy.md

local control = os.getenv("HANDOVER_CONTROL_URL") or "http://127.0.0.1:8080"
local token_file = os.getenv("HANDOVER_TOKEN_FILE") or "/etc/haproxy/handover-token"
local limit_ms = 1000

local file = assert(io.open(token_file, "r"), "cannot read " .. token_file)
local token = file:read("l")
file:close()

local function iam_cookies(txn)
  local kept = {}
  for pair in (txn.sf:req_fhdr("cookie") .. ";"):gmatch("%s*(.-)%s*;") do
    if pair:sub(1, 5) == "_iam_" then kept[#kept + 1] = pair end
  end
  return table.concat(kept, "; ")
end

core.register_action("handover_decide", { "http-req" }, function(txn)
  txn:set_var("txn.handover_iam_cookies", iam_cookies(txn))
  local headers = {
    ["private-token"] = { token },
    ["x-forwarded-method"] = { txn.sf:method() },
    ["x-forwarded-uri"] = { txn.sf:pathq() },
  }
  for _, name in ipairs({ "authorization", "content-type" }) do
    local count = txn.f:req_hdr_cnt(name)
    -- What is given twice is not for us to choose from, so nothing is asked and the monolith answers.
    if count > 1 then return end
    if count == 1 then headers[name] = { txn.sf:req_fhdr(name) } end
  end
  -- A body that is longer than what HAProxy holds (tune.bufsize) is half a form, which is worse than none.
  local body = txn.f:req_body()
  if body ~= nil and #body < (txn.f:req_body_size() or 0) then body = nil end
  local answered, response = pcall(function()
    return core.httpclient():post({
      url = control .. "/-/oauth/forward_auth",
      headers = headers,
      body = body,
      timeout = limit_ms,
    })
  end)
  if not answered or response == nil or response.status ~= 204 then return end
  local destination = response.headers["x-handover-destination"]
  if destination ~= nil then txn:set_var("txn.handover_destination", destination[0]) end
end)
