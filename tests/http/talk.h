// tests/http/talk.h -- speaks to an HTTP port byte by byte, as no library would.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace kith {

// A TCP connection to HOST:PORT that is closed with it.  Throws std::runtime_error when nobody listens.
class Talk {
 public:
  explicit Talk(const std::string& address);
  ~Talk();
  Talk(Talk&& other) noexcept;
  Talk& operator=(Talk&&) = delete;

  bool say(const std::string& bytes);  // False: the other side has gone.
  void finish();                       // Nothing more will be said.
  std::string hear();                  // All until the other side closes; a minute at most.

 private:
  int socket_ = -1;
};

struct HttpAnswer {
  int status = 0;  // 0: what came was no answer.
  std::string head;
  std::string body;

  nlohmann::json json() const { return nlohmann::json::parse(body); }
};

HttpAnswer answer_in(const std::string& bytes);

// `path` with its query; `host`: as the header says, the address when empty.
HttpAnswer http_get(const std::string& address, const std::string& path, const std::string& host = {});

}  // namespace kith
