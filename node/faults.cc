#include "node/faults.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <sstream>
#include <vector>

#include "node/config.h"

namespace kith {

namespace {

constexpr const char* kUsage = "give: cut PEER, heal PEER, heal, latency TIME, latency PEER TIME, or show";
constexpr const char* kAll = "*";

}  // namespace

std::string Faults::obey(const std::string& command) {
  std::istringstream in(command);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  if (words.empty()) return std::string("there is no command; ") + kUsage;
  const std::string& verb = words[0];

  if (verb == "show" && words.size() == 1) return {};
  if (verb == "cut" && words.size() == 2) {
    cut_.insert(words[1]);
    return {};
  }
  if (verb == "heal" && words.size() == 1) {
    cut_.clear();
    latency_ms_.clear();
    return {};
  }
  if (verb == "heal" && words.size() == 2) {
    if (cut_.erase(words[1]) + latency_ms_.erase(words[1]) == 0) return "nothing is cut or slowed for " + words[1];
    return {};
  }
  if (verb == "latency" && (words.size() == 2 || words.size() == 3)) {
    const auto ms = parse_duration_ms(words.back());
    if (!ms || *ms > 60'000) return "\"" + words.back() + "\" is no latency: 0ms to 1m, as in 200ms";
    const std::string peer = words.size() == 3 ? words[1] : kAll;
    if (*ms == 0) {
      latency_ms_.erase(peer);
    } else {
      latency_ms_[peer] = *ms;
    }
    return {};
  }
  return "\"" + command.substr(0, 64) + "\" is not understood; " + kUsage;
}

std::set<std::string> Faults::words_for(NodeId peer, const std::string& address) const {
  std::set<std::string> out;
  if (!address.empty()) out.insert(address);
  for (const auto& [id, known] : peers_) {
    // While joining only the address is known.
    if (id != peer && (address.empty() || known.address != address)) continue;
    out.insert(known.name);
    out.insert(known.address);
  }
  return out;
}

bool Faults::cuts(NodeId peer, const std::string& address) const {
  if (cut_.empty()) return false;
  const auto words = words_for(peer, address);
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) { return cut_.contains(word); });
}

std::int64_t Faults::latency_ms(NodeId peer, const std::string& address) const {
  if (latency_ms_.empty()) return 0;
  for (const std::string& word : words_for(peer, address)) {
    const auto named = latency_ms_.find(word);
    if (named != latency_ms_.end()) return named->second;
  }
  const auto all = latency_ms_.find(kAll);
  return all == latency_ms_.end() ? 0 : all->second;
}

std::string Faults::document() const {
  nlohmann::json out;
  out["cut"] = cut_;
  out["latency_ms"] = latency_ms_;
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace kith
