// tools/bench/redis_server.h -- a redis-server on this machine for as long as a measurement takes, and redis-benchmark.
//
// The server of Debian's redis-server, with its data in a directory that is given; it ends with this object, or with us.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace kith::bench {

class RedisServer {
 public:
  // On a port that was free a moment ago.  Waits until it answers.  Throws std::runtime_error.
  RedisServer(const std::string& directory, const std::vector<std::string>& arguments);
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  int port() const { return port_; }

 private:
  pid_t pid_ = -1;
  int port_ = 0;
};

struct RedisLoad {
  std::size_t clients = 50;
  std::size_t requests = 100'000;
  std::size_t keys = 100'000;
  std::size_t value_bytes = 64;
  std::size_t pipeline = 1;
};
// Requests a second of one test of redis-benchmark's: SET GET SADD SISMEMBER INCR HSET.  Throws std::runtime_error.
double run_redis_benchmark(int port, const std::string& test, const RedisLoad& load);

// What a command prints, without its last line's end.  Throws std::runtime_error when it fails.
std::string output_of(const std::string& command);

}  // namespace kith::bench
