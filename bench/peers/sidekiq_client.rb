# Enqueues for Sidekiq: `ruby sidekiq_client.rb fill CLASS N | push N | push_bulk N | paced N SECONDS`.
require_relative "sidekiq_jobs"

def now
  Process.clock_gettime(Process::CLOCK_MONOTONIC)
end

def bulk(job, numbers)
  numbers.each_slice(1_000) do |slice|
    Sidekiq::Client.push_bulk("class" => job, "args" => slice.map { |number| [number] })
  end
end

what, *rest = ARGV
case what
when "fill"
  bulk(Object.const_get(rest[0]), (0...rest[1].to_i))
when "push", "push_bulk"
  count = rest[0].to_i
  NoOp.perform_async(-1) # the connection is made before the clock starts
  began = now
  what == "push" ? count.times { |number| NoOp.perform_async(number) } : bulk(NoOp, (0...count))
  puts now - began
when "paced"
  due = now
  rest[0].to_i.times do |number|
    due += rest[1].to_f
    pause = due - now
    sleep pause if pause > 0
    Start.perform_async(number, now)
  end
else
  abort "sidekiq_client: fill, push, push_bulk or paced, not #{what.inspect}"
end
