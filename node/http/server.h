// node/http/server.h -- answers HTTP requests: a few threads, one request a connection, GET and HEAD.
//
//     HttpServer server("127.0.0.1:8767");
//     server.on("/livez", [](const HttpRequest&) { return HttpReply{.body = "ok\n"}; });
//     server.start();
//
// Bounded in every direction: kHttpThreads requests at a time, kHttpWaitingMax connections that wait for one (the next is told
// 503 at once), bytes and time of each (node/http/guarded_stream.h).  A handler that throws is a 500 and a line in the log.
// On a loopback address a request must also be *for* one (`Host:` localhost, 127.0.0.1, [::1]): else a page on the web whose
// name is made to mean 127.0.0.1 could read the node through somebody's browser.
// cpp-httplib is in server.cc only.  Tests: tests/http/server_test.cc
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "node/http/guarded_stream.h"

namespace kith {

inline constexpr std::size_t kHttpThreads = 8;
inline constexpr std::size_t kHttpWaitingMax = 64;

struct HttpRequest {
  std::string path;
  std::multimap<std::string, std::string> parameters;

  bool has(const std::string& name) const { return parameters.contains(name); }
  // The first of that name; nothing when there is none.
  std::optional<std::string> parameter(const std::string& name) const;
};

struct HttpReply {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body{};
  std::vector<std::pair<std::string, std::string>> headers{};
};

// {"error": message}
HttpReply http_error(int status, const std::string& message);

struct HttpCounters {
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> errors{0};      // Answered with 400 and above.
  std::atomic<std::uint64_t> busy{0};        // Turned away, since too many waited.
  std::atomic<std::uint64_t> malformed{0};   // Not HTTP, too large, too slow, or gone in the middle.
};

class HttpServer {
 public:
  using Handler = std::function<HttpReply(const HttpRequest&)>;

  // Listens; does not answer yet.  Throws ListenError.
  explicit HttpServer(const std::string& address, const HttpLimits& limits = {});
  ~HttpServer();  // stop()
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Before start().  Any of the server's threads calls it, several at once.
  void on(const std::string& path, Handler handler);

  void start();
  void stop();  // Lets go of who waits; returns when no handler runs any more.

  const std::string& address() const;  // With the real port.
  const HttpCounters& counters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kith
