#include "node/redis/call.h"

#include <algorithm>

#include "node/redis/numbers.h"

namespace kith::redis {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

Request& Call::write(ClientOp op, std::string_view key) {
  Request& out_request = writes.emplace_back();
  out_request.op = op;
  out_request.table = reads.services().table;
  out_request.key = key;
  out_request.tag = tag;
  return out_request;
}

void Call::fail(std::string_view error) {
  out.truncate(began);
  out.error(error);
  writes.clear();
  answer = Answer::kText;
  failed_ = true;
}

std::optional<std::int64_t> Call::integer(std::size_t index) {
  const auto value = parse_integer(arguments[index]);
  if (!value) fail("ERR value is not an integer or out of range");
  return value;
}

bool Call::reads_failed() {
  if (!reads.failed()) return false;
  fail(reads.error());
  return true;
}

bool same_word(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lower(c);
  return out;
}

}  // namespace kith::redis
