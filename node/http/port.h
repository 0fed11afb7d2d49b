// node/http/port.h -- `kithd --http HOST:PORT`: health, metrics, the JSON of /api/v1 and the page, on one port.
//
//     HttpPort port(address, node.window());     listens; throws ListenError
//     port.start();                              answers
//     ~HttpPort()                                before what the window shows has gone
//
// Reads only: nothing that comes in here changes data.  What each path answers: docs/HTTP.md
// Tests, with real nodes: tests/http/port_test.cc
#pragma once

#include <memory>
#include <string>

#include "node/window.h"

namespace kith {

class HttpPort {
 public:
  HttpPort(const std::string& address, Window& window);
  ~HttpPort();
  HttpPort(const HttpPort&) = delete;
  HttpPort& operator=(const HttpPort&) = delete;

  void start();
  const std::string& address() const;  // With the real port.

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kith
