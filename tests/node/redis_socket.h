// tests/node/redis_socket.h -- a client of the Redis port that says exactly the bytes it is told to.
#pragma once

#include <chrono>
#include <initializer_list>
#include <string>
#include <string_view>

namespace kith {

class RedisSocket {
 public:
  explicit RedisSocket(const std::string& address);  // Throws std::runtime_error.
  ~RedisSocket();
  RedisSocket(const RedisSocket&) = delete;
  RedisSocket& operator=(const RedisSocket&) = delete;

  void send(std::string_view bytes);                       // All of them.  Throws.
  bool try_send(std::string_view bytes);                   // False: the other side is gone, or takes no more for a second.
  // One whole reply as it came; "closed" when there is none any more.  Throws after half a minute.
  std::string reply();
  std::string say(std::initializer_list<std::string_view> words);  // A command, and its reply.
  std::string line(const std::string& text);                       // An inline command, and its reply.
  bool closed();                                           // Waits until the other side has closed, half a minute at most.

 private:
  bool more();                  // Reads some; false: closed.
  std::size_t reply_end(std::size_t at);  // Behind the reply at `at`; npos: not all of it is there.

  int socket_ = -1;
  std::string buffer_;
};

std::string redis_command(std::initializer_list<std::string_view> words);

}  // namespace kith
