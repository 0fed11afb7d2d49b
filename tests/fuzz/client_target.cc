#include <memory>

#include "crdt/check.h"
#include "node/client.h"
#include "node/client_protocol.h"
#include "node/faults.h"
#include "node/reads.h"
#include "node/requests.h"
#include "node/view/explain_document.h"
#include "node/view/status_document.h"
#include "tests/fuzz/member.h"
#include "tests/fuzz/targets.h"

namespace kith::fuzz {

namespace {

std::variant<Request, Malformed> decoded(Request*, std::string_view frame) { return decode_request(frame); }
std::variant<ClientReply, Malformed> decoded(ClientReply*, std::string_view frame) { return decode_reply(frame); }

// What was read is written, and read again as the same.
template <class Message>
void check_comes_back(const Message& message) {
  const std::string bytes = encode(message);
  const auto again = decoded(static_cast<Message*>(nullptr), bytes);
  const auto* malformed = std::get_if<Malformed>(&again);
  KITH_CHECK(malformed == nullptr, "what was decoded and encoded does not decode", malformed ? malformed->message : "");
  KITH_CHECK(encode(std::get<Message>(again)) == bytes, "what was decoded and encoded twice differs from once");
}

// A node with something of everything under "k" of table "default".
Member& node() {
  static const std::unique_ptr<Member> kNode = [] {
    auto out = std::make_unique<Member>("n1", "", std::make_unique<MemoryStore>(), 3);
    std::uint64_t request = 0;
    for (const Verb verb : {Verb::kSet, Verb::kSetAdd, Verb::kHashSet, Verb::kIncrement}) {
      Operation operation;
      operation.request = ++request;
      operation.verb = verb;
      operation.table = "default";
      operation.key = "k";
      operation.value = "v";
      operation.members = {"a", "b"};
      operation.fields = {{"f", "1"}, {"g", "2"}};
      operation.amount = 5;
      out->step(operation);
    }
    KITH_CHECK(out->take_replies().size() == request, "the node of the fuzz target takes no writes");
    return out;
  }();
  return *kNode;
}

void answer(const Request& request) {
  const std::unique_ptr<Snapshot> snapshot = node().store().snapshot();
  ClientReply reply = answer_read(request, {*snapshot, Member::kShards, [](const StoreKey&) {}, node().now().wall_ms});
  reply.time = Timestamp::at_ms(node().now().wall_ms);
  reply.node = "n1";
  if (request.id != 0) check_comes_back(reply);
}

void carry_out(Request request) {
  Member alone("n1", "", std::make_unique<MemoryStore>(), 4);
  request.replicas = 1;
  alone.step(operation_of(1, std::move(request)));
  KITH_CHECK(alone.take_replies().size() == 1, "a write is not answered");
  const auto findings = alone.store().verify();
  KITH_CHECK(findings.empty(), "the store is not sound any more", findings.front());
}

void read_documents(const std::string& document) {
  try {
    (void)parse_explained(document);
  } catch (const ClientError&) {  // As they say they do.
  }
  try {
    (void)parse_node_status(document);
  } catch (const ClientError&) {
  }
}

}  // namespace

void run_client(std::string_view bytes) {
  if (bytes.empty()) return;
  const bool is_request = (bytes[0] & 1) == 0;
  bytes.remove_prefix(1);
  if (!is_request) {
    const auto reply = decode_reply(bytes);
    if (std::holds_alternative<Malformed>(reply)) return;
    check_comes_back(std::get<ClientReply>(reply));
    return read_documents(std::get<ClientReply>(reply).document);
  }
  auto decoded_request = decode_request(bytes);
  if (std::holds_alternative<Malformed>(decoded_request)) return;
  Request& request = std::get<Request>(decoded_request);
  check_comes_back(request);
  if (answers_reads(request.op)) return answer(request);
  if (request.op == ClientOp::kFault) return void(Faults().obey(request.text));
  if (is_write(request.op)) carry_out(std::move(request));
}

}  // namespace kith::fuzz
