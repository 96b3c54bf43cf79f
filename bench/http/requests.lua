-- wrk script: places holds.   wrk -s requests.lua URL -- KIND SKUS LINES
-- KIND is hold (one hold a request) or batch (LINES is then the number of holds in one request, of one line each).
-- The requests are written before the run: building them meanwhile would measure Lua.
local requests = {}
local next_request = 0

local function lines_of(skus, count)
    local sku = math.random(0, skus - 1)
    local lines = {}
    for i = 1, count do
        lines[i] = string.format('{"sku":"sku-%d","quantity":1}', sku)
        sku = (sku + 7919) % skus
    end
    return table.concat(lines, ",")
end

local function hold(skus, lines)
    return string.format('"cart":"cart-%d","lines":[%s]', math.random(1, 1000000), lines_of(skus, lines))
end

function init(args)
    local kind, skus, lines = args[1], tonumber(args[2]), tonumber(args[3])
    math.randomseed(20101201)
    wrk.headers["Content-Type"] = "application/json"
    local count = math.max(500, math.floor(20000 / lines))
    for i = 1, count do
        if kind == "hold" then
            requests[i] = wrk.format("POST", "/v1/holds", nil, "{" .. hold(skus, lines) .. "}")
        else
            local items = {}
            for j = 1, lines do
                items[j] = '{"do":"hold",' .. hold(skus, 1) .. "}"
            end
            requests[i] = wrk.format("POST", "/v1/batch", nil, '{"commands":[' .. table.concat(items, ",") .. "]}")
        end
    end
end

function request()
    next_request = next_request % #requests + 1
    return requests[next_request]
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '\n{"requests":%d,"seconds":%f,"p50_ms":%f,"p99_ms":%f,"refused":%d,"broken":%d}\n',
        summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
        errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
