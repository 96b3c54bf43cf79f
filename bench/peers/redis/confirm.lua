-- ARGV[1] the hold. 1 when it was pending and now is confirmed.
local key = 'hold:' .. ARGV[1]
if redis.call('HGET', key, 'status') ~= 'pending' then
    return 0
end
redis.call('HSET', key, 'status', 'confirmed')
redis.call('ZREM', 'hold:deadlines', ARGV[1])
return 1
