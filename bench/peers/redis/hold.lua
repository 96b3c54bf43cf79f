-- KEYS[1] the stock of a SKU; ARGV: cart, quantity, deadline. The id of the hold, or 0 when there is not enough.
local quantity = tonumber(ARGV[2])
if tonumber(redis.call('GET', KEYS[1])) < quantity then
    return 0
end
redis.call('DECRBY', KEYS[1], quantity)
local id = redis.call('INCR', 'hold:last')
redis.call('HSET', 'hold:' .. id, 'sku', KEYS[1], 'cart', ARGV[1], 'quantity', quantity, 'status', 'pending')
redis.call('ZADD', 'hold:deadlines', ARGV[3], id)
return id
