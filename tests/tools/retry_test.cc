#include <doctest/doctest.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <zmq.hpp>

#include "node/client_protocol.h"
#include "tests/tools/kith_process.h"

namespace kith {
namespace {

// Speaks the client protocol, leaves the first `silent` writes unanswered and allows nobody to read.
class ForgetfulNode {
 public:
  explicit ForgetfulNode(int silent) : silent_(silent) {
    router_.set(zmq::sockopt::linger, 0);
    router_.bind("tcp://127.0.0.1:*");
    address_ = router_.get(zmq::sockopt::last_endpoint).substr(6);
    thread_ = std::thread([this] { serve(); });
  }
  ~ForgetfulNode() {
    ending_ = true;
    thread_.join();
  }
  ForgetfulNode(const ForgetfulNode&) = delete;
  ForgetfulNode& operator=(const ForgetfulNode&) = delete;

  const std::string& address() const { return address_; }
  std::vector<Request> writes() {
    const std::scoped_lock lock(mutex_);
    return writes_;
  }

 private:
  void serve() {
    while (!ending_) {
      zmq::pollitem_t item{router_.handle(), 0, ZMQ_POLLIN, 0};
      if (zmq::poll(&item, 1, std::chrono::milliseconds(10)) == 0) continue;
      zmq::message_t from, frame;
      if (!router_.recv(from) || !router_.recv(frame)) continue;
      const auto decoded = decode_request(frame.to_string_view());
      if (!std::holds_alternative<Request>(decoded)) continue;
      answer(from, std::get<Request>(decoded));
    }
  }

  void answer(zmq::message_t& to, const Request& request) {
    ClientReply reply;
    reply.id = request.id;
    reply.node = "forgetful";
    reply.time = Timestamp::at_ms(1'700'000'000'000);
    if (request.op == ClientOp::kGet) {
      reply.status = Status::kError;
      reply.code = "faults_not_allowed";
      reply.message = "this is not for you";
    }
    if (is_write(request.op)) {
      const std::scoped_lock lock(mutex_);
      writes_.push_back(request);
      if (static_cast<int>(writes_.size()) <= silent_) return;
      reply.tag = request.tag;
      reply.replicas = {"forgetful"};
      reply.number = 1;
    }
    router_.send(to, zmq::send_flags::sndmore);
    router_.send(zmq::buffer(encode(reply)), zmq::send_flags::none);
  }

  zmq::context_t context_{1};
  zmq::socket_t router_{context_, zmq::socket_type::router};
  std::string address_;
  int silent_;
  std::mutex mutex_;
  std::vector<Request> writes_;
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

TEST_CASE("retry: a write without an answer is sent once more, under the same tag") {
  ForgetfulNode node(1);
  const KithRun done = run_kith({"-H", node.address(), "sadd", "likes", "tea", "--timeout", "300ms"});
  CAPTURE(done.err);
  CHECK(done.code == 0);
  CHECK(done.out == "1 added\n");
  const auto writes = node.writes();
  REQUIRE(writes.size() == 2);
  REQUIRE(writes[0].tag.has_value());
  CHECK(writes[0].tag == writes[1].tag);
  CHECK(writes[0].members == writes[1].members);
}

TEST_CASE("retry: after two silences the write may have happened, and the command that retries it is printed") {
  ForgetfulNode node(2);
  const KithRun done = run_kith({"-H", node.address(), "sadd", "my likes", "it's", "-t", "t1", "--timeout", "300ms"});
  CHECK(done.code == 5);
  CHECK(done.err.find("may or may not have happened") != std::string::npos);
  const auto writes = node.writes();
  REQUIRE(writes.size() == 2);
  const std::string command = "kith -H " + node.address() + " -t t1 sadd --tag " + to_string(*writes[0].tag) +
                              " 'my likes' 'it'\\''s'";
  CAPTURE(done.err);
  CHECK(done.err.find(command) != std::string::npos);
}

TEST_CASE("exit codes: what a node does not allow is 6") {
  ForgetfulNode node(0);
  const KithRun done = run_kith({"-H", node.address(), "get", "k"});
  CHECK(done.code == 6);
  CHECK(done.err == "kith: forgetful: this is not for you\n");
}

TEST_CASE("retry: an import sends what was not answered again, under the same tags") {
  ForgetfulNode node(3);
  std::string lines;
  for (int i = 0; i < 10; ++i) lines += "{\"op\":\"sadd\",\"key\":\"k\",\"members\":[\"" + std::to_string(i) + "\"]}\n";
  const KithRun done = run_kith({"-H", node.address(), "import", "-", "--timeout", "300ms"}, {.standard_input = lines});
  CAPTURE(done.err);
  CHECK(done.code == 0);
  CHECK(done.out.find("10 lines written") != std::string::npos);
  const auto writes = node.writes();
  REQUIRE(writes.size() == 13);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(writes[10 + i].tag == writes[i].tag);
    CHECK(writes[10 + i].members == writes[i].members);
  }
}

}  // namespace
}  // namespace kith
