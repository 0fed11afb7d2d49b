#include "node/requests.h"

#include "crdt/check.h"
#include "gossip/tables.h"

namespace kith {

namespace {

Verb verb_of(ClientOp op) {
  switch (op) {
    case ClientOp::kSet: return Verb::kSet;
    case ClientOp::kDel: return Verb::kDelete;
    case ClientOp::kSadd: return Verb::kSetAdd;
    case ClientOp::kSrem: return Verb::kSetRemove;
    case ClientOp::kHset: return Verb::kHashSet;
    case ClientOp::kHdel: return Verb::kHashDelete;
    case ClientOp::kIncr: return Verb::kIncrement;
    case ClientOp::kExpire: return Verb::kExpire;
    case ClientOp::kPersist: return Verb::kPersist;
    case ClientOp::kTableCreate:
    case ClientOp::kTableAlter: return Verb::kHashSet;
    default: break;
  }
  KITH_CHECK(false, "not a write", to_string(op));
  return Verb::kSet;
}

}  // namespace

Operation operation_of(Ticket ticket, Request request) {
  Operation out;
  out.request = ticket;
  out.verb = verb_of(request.op);
  out.table = std::move(request.table);
  out.key = std::move(request.key);
  out.value = std::move(request.value);
  out.members = std::move(request.members);
  out.fields = std::move(request.fields);
  out.amount = request.amount;
  out.ttl_ms = request.ttl_ms;
  out.tag = request.tag;
  out.replicas = request.replicas;
  out.timeout_ms = request.timeout_ms;
  if (request.op == ClientOp::kTableCreate || request.op == ClientOp::kTableAlter) {
    out.describe = request.op == ClientOp::kTableCreate ? Describe::kCreate : Describe::kAlter;
    out.key = kTablesKey;
    if (out.fields.empty() && out.describe == Describe::kCreate) out.fields = attributes_of(TableRules{});
  }
  return out;
}

ClientReply reply_of(Reply reply) {
  ClientReply out;
  switch (reply.outcome) {
    case Outcome::kOk: out.status = Status::kOk; break;
    case Outcome::kStored: out.status = Status::kStored; break;
    case Outcome::kRefused: out.status = Status::kRefused; break;
  }
  if (reply.code != Refusal::kNone) out.code = to_string(reply.code);
  out.message = std::move(reply.message);
  if (reply.tag.at) out.tag = reply.tag;
  out.number = reply.changed;
  out.created = reply.created;
  out.total = reply.total;
  out.replicas = std::move(reply.replicas);
  return out;
}

std::size_t bytes_of(const Request& request) {
  std::size_t out = request.key.size() + request.value.size();
  for (const auto& member : request.members) out += member.size();
  for (const auto& [field, value] : request.fields) out += field.size() + value.size();
  return out;
}

}  // namespace kith
