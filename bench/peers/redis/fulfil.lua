-- ARGV[1] the hold. 1 when it was confirmed and now is fulfilled.
local key = 'hold:' .. ARGV[1]
if redis.call('HGET', key, 'status') ~= 'confirmed' then
    return 0
end
redis.call('HSET', key, 'status', 'fulfilled')
return 1
