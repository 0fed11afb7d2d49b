// tests/node/fake_node.h -- a bare ROUTER in place of a node, which answers as a test wants.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <variant>

#include <zmq.hpp>

#include "node/client_protocol.h"

namespace kith {

// Hands each request to `answer`, which sends what it likes with `reply`.
class FakeNode {
 public:
  using Reply = std::function<void(const std::string& bytes)>;
  using Answer = std::function<void(const Request&, const Reply&)>;

  // On `address`, or a port that the system picks.
  explicit FakeNode(Answer answer, const std::string& address = "127.0.0.1:0")
      : socket_(context_, zmq::socket_type::router), answer_(std::move(answer)) {
    socket_.set(zmq::sockopt::linger, 0);
    socket_.set(zmq::sockopt::sndhwm, 0);
    socket_.set(zmq::sockopt::rcvhwm, 0);
    socket_.bind("tcp://" + address);
    address_ = socket_.get(zmq::sockopt::last_endpoint).substr(6);
    thread_ = std::thread([this] { run(); });
  }
  ~FakeNode() {
    stop_ = true;
    thread_.join();
  }
  const std::string& address() const { return address_; }

 private:
  void run() {
    while (!stop_) {
      zmq::pollitem_t item{socket_.handle(), 0, ZMQ_POLLIN, 0};
      if (zmq::poll(&item, 1, std::chrono::milliseconds(10)) == 0) continue;
      zmq::message_t who;
      zmq::message_t frame;
      (void)socket_.recv(who);
      (void)socket_.recv(frame);
      auto request = decode_request(frame.to_string_view());
      if (!std::holds_alternative<Request>(request)) continue;
      answer_(std::get<Request>(request), [&](const std::string& bytes) {
        socket_.send(zmq::buffer(who.data(), who.size()), zmq::send_flags::sndmore);
        socket_.send(zmq::buffer(bytes), zmq::send_flags::none);
      });
    }
  }

  zmq::context_t context_;
  zmq::socket_t socket_;
  Answer answer_;
  std::string address_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace kith
