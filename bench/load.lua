-- What wrk sends, by its arguments after "--": nothing (the URL), "random DIRECTORIES FILES" (the tree of
-- bench/tree.py), or "each DIRECTORIES FILES THREADS": all of them in order, each thread beginning with another part.
-- Requests are made beforehand: only picking one is left to do while time runs. Its figures are printed as a line of
-- JSON.

local threads = 0

function setup(thread)
    threads = threads + 1
    thread:set("seed", threads)
end

local function prepare_files(directories, files, walkers)
    local requests = {}
    for directory = 0, directories - 1 do
        for file = 0, files - 1 do
            local path = string.format("/random/%03d/%04d.html", directory, file)
            requests[#requests + 1] = wrk.format("GET", path)
        end
    end
    local count, random = #requests, math.random
    math.randomseed(seed)
    if walkers then
        local last = math.floor(count * (seed - 1) / walkers)
        request = function()
            last = last % count + 1
            return requests[last]
        end
    else
        request = function() return requests[random(count)] end
    end
end

-- A script that defines request() is called for each; so it is defined only where it is wanted.
function init(args)
    if args[1] == "random" or args[1] == "each" then
        prepare_files(tonumber(args[2]), tonumber(args[3]), args[1] == "each" and tonumber(args[4]))
    end
end

function done(summary, latency)
    local errors = summary.errors
    print(string.format('{"requests": %d, "microseconds": %d, "bytes": %.0f, "p50_us": %d, "p99_us": %d, '
        .. '"errors": {"connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d}}',
        summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99),
        errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
