# The jobs of bench/workers.py and the counting of bench/counting.py, for Sidekiq.
require "json"
require "sidekiq"

Sidekiq.configure_server do |config|
  config.redis = { url: ENV.fetch("BENCH_REDIS") }
  config.logger.level = Logger::WARN if ENV["BENCH_QUIET"] # without its two lines for each job
end
Sidekiq.configure_client do |config|
  config.redis = { url: ENV.fetch("BENCH_REDIS") }
end

class Counting
  def initialize
    @last = ENV.fetch("BENCH_JOBS", "0").to_i - 1
    @file = ENV["BENCH_MARKS"]
    @done = 0
    @lock = Mutex.new
  end

  def one
    number = @lock.synchronize { (@done += 1) - 1 }
    if number == 0
      @first = clocks
    elsif number == @last
      wall, cpu = clocks
      File.write("#{@file}.new", JSON.generate(seconds: wall - @first[0], cpu: cpu - @first[1]))
      File.rename("#{@file}.new", @file)
    end
  end

  def clocks
    [Process.clock_gettime(Process::CLOCK_MONOTONIC), Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID)]
  end
end

COUNTING = Counting.new
RECORDS = ENV["BENCH_RECORDS"] && File.open(ENV["BENCH_RECORDS"], "a").tap { |file| file.sync = true }

class NoOp
  include Sidekiq::Worker
  sidekiq_options queue: "default"

  def perform(number)
    COUNTING.one
  end
end

class Start
  include Sidekiq::Worker
  sidekiq_options queue: "critical"

  def perform(number, sent)
    waited = Process.clock_gettime(Process::CLOCK_MONOTONIC) - sent
    RECORDS.write(format("%d %.6f\n", number, waited))
  end
end

class Backlog
  include Sidekiq::Worker
  sidekiq_options queue: "low"

  def perform(number)
    sleep 0.001
  end
end
