// The file form of a scenario: one table of fields a section, read and written by the same line.
//
// Values are kept as text on the way out: texts that are equal stand for values that are equal, so a field is left out
// when its text is that of the default.
#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <limits>
#include <sstream>

#include "sim/scenario.h"
#include "sim/spelling.h"

namespace kith::sim {

namespace {

using Problem = std::optional<std::string>;

// One key of a section whose values live in an `Owner`.
template <class Owner>
struct Field {
  std::string key;
  std::function<Problem(const toml::node&, Owner&)> take;
  std::function<std::string(const Owner&)> show;
};

// ---- Fields, by type

template <class Owner>
Field<Owner> text(const char* key, std::string Owner::*field) {
  return {key,
          [=](const toml::node& node, Owner& owner) -> Problem {
            const auto value = node.value_exact<std::string>();
            if (!value) return "must be a string in quotes";
            owner.*field = *value;
            return std::nullopt;
          },
          [=](const Owner& owner) { return toml_quoted(owner.*field); }};
}

template <class Owner>
Field<Owner> yes_no(const char* key, bool Owner::*field) {
  return {key,
          [=](const toml::node& node, Owner& owner) -> Problem {
            const auto value = node.value_exact<bool>();
            if (!value) return "must be true or false";
            owner.*field = *value;
            return std::nullopt;
          },
          [=](const Owner& owner) { return owner.*field ? "true" : "false"; }};
}

// In units of `unit_us`, of which a file must name whole ones.
template <class Owner>
Field<Owner> time(const char* key, std::int64_t Owner::*field, std::int64_t unit_us) {
  return {key,
          [=](const toml::node& node, Owner& owner) -> Problem {
            const auto value = node.value_exact<std::string>();
            const auto us = value ? parse_duration(*value) : std::nullopt;
            if (!us) {
              return (value ? "\"" + printable(*value) + "\" is no duration" : std::string("is no duration")) +
                     ": write a number and us, ms, s, min, h or d in quotes, as in \"1.5s\"";
            }
            if (*us < 0) return "must not be below zero";
            if (*us % unit_us != 0) {
              return "\"" + *value + "\" is finer than " + to_words_duration(unit_us) + ", the finest here";
            }
            owner.*field = *us / unit_us;
            return std::nullopt;
          },
          [=](const Owner& owner) { return toml_quoted(to_words_duration(owner.*field * unit_us)); }};
}
template <class Owner>
Field<Owner> time_us(const char* key, std::int64_t Owner::*field) { return time(key, field, 1); }
template <class Owner>
Field<Owner> time_ms(const char* key, std::int64_t Owner::*field) { return time(key, field, 1000); }

template <class Owner>
Field<Owner> share(const char* key, double Owner::*field) {
  return {key,
          [=](const toml::node& node, Owner& owner) -> Problem {
            const auto value = node.value_exact<std::string>();
            const auto parsed = value ? parse_share(*value) : std::nullopt;
            if (!parsed) return "must be a share from \"0%\" to \"100%\", in quotes, as in \"2.5%\"";
            owner.*field = *parsed;
            return std::nullopt;
          },
          [=](const Owner& owner) { return toml_quoted(to_words_share(owner.*field)); }};
}

template <class Owner>
Field<Owner> number(const char* key, double Owner::*field) {
  return {key,
          [=](const toml::node& node, Owner& owner) -> Problem {
            const auto value = node.is_number() ? node.value<double>() : std::nullopt;
            if (!value) return "must be a number without quotes, as in 2.5";
            owner.*field = *value;
            return std::nullopt;
          },
          [=](const Owner& owner) { return to_words_number(owner.*field); }};
}

// Whole numbers from 0.  Those above what TOML can hold are written in quotes.
template <class Owner, class Number>
Field<Owner> count(const char* key, Number Owner::*field) {
  return {key,
          [=](const toml::node& node, Owner& owner) -> Problem {
            constexpr std::uint64_t kMost = std::numeric_limits<Number>::max();
            std::optional<std::uint64_t> value;
            if (const auto whole = node.value_exact<std::int64_t>(); whole && *whole >= 0) {
              value = static_cast<std::uint64_t>(*whole);
            } else if (const auto words = node.value_exact<std::string>()) {
              std::uint64_t parsed = 0;
              const auto [stop, error] = std::from_chars(words->data(), words->data() + words->size(), parsed);
              if (error == std::errc{} && stop == words->data() + words->size() && !words->empty()) value = parsed;
            }
            if (!value || *value > kMost) return "must be a whole number from 0 to " + std::to_string(kMost);
            owner.*field = static_cast<Number>(*value);
            return std::nullopt;
          },
          [=](const Owner& owner) {
            const std::string digits = std::to_string(owner.*field);
            const bool too_large = static_cast<std::uint64_t>(owner.*field) > std::uint64_t{INT64_MAX};
            return too_large ? toml_quoted(digits) : digits;
          }};
}

Problem take_names(const toml::node& node, std::vector<std::string>& out) {
  const auto* array = node.as_array();
  if (array == nullptr) return "must be a list of names, as in [\"n1\", \"n2\"]";
  out.clear();
  for (const auto& item : *array) {
    const auto name = item.value_exact<std::string>();
    if (!name) return "must be a list of names, as in [\"n1\", \"n2\"]";
    out.push_back(*name);
  }
  return std::nullopt;
}

template <class Owner>
Field<Owner> names(const char* key, std::vector<std::string> Owner::*field) {
  return {key, [=](const toml::node& node, Owner& owner) { return take_names(node, owner.*field); },
          [=](const Owner& owner) { return toml_list(owner.*field); }};
}

// ---- The sections

template <class Owner>
using Fields = std::vector<Field<Owner>>;

const Fields<Scenario>& top_fields() {
  static const Fields<Scenario> kFields = {text("name", &Scenario::name), text("about", &Scenario::about),
                                           count("seed", &Scenario::seed), time_us("duration", &Scenario::duration_us),
                                           count("shards", &Scenario::shard_count)};
  return kFields;
}

const Fields<LinkQuality>& link_fields() {
  static const Fields<LinkQuality> kFields = {
      time_us("delay", &LinkQuality::delay_us), time_us("jitter", &LinkQuality::jitter_us),
      share("loss", &LinkQuality::loss),        share("repeat", &LinkQuality::repeat),
      share("flip", &LinkQuality::flip),        count("queue_max", &LinkQuality::queue_max)};
  return kFields;
}

const Fields<DiskQuality>& disk_fields() {
  static const Fields<DiskQuality> kFields = {time_us("sync", &DiskQuality::sync_us),
                                              time_us("sync_jitter", &DiskQuality::sync_jitter_us),
                                              count("bytes_max", &DiskQuality::bytes_max)};
  return kFields;
}

const Fields<Workload>& workload_fields() {
  static const Fields<Workload> kFields = {
      number("writes_per_second", &Workload::writes_per_second),
      number("reads_per_second", &Workload::reads_per_second),
      time_us("from", &Workload::from_us),
      time_us("to", &Workload::to_us),
      names("at", &Workload::at),
      count("sessions", &Workload::sessions),
      count("keys", &Workload::keys),
      count("members", &Workload::members),
      count("value_bytes", &Workload::value_bytes),
      number("adds", &Workload::adds),
      number("removes", &Workload::removes),
      number("sets", &Workload::sets),
      number("deletes", &Workload::deletes),
      number("fields", &Workload::fields),
      number("increments", &Workload::increments),
      time_us("removed_after", &Workload::removed_after_us),
      share("expiring", &Workload::expiring),
      share("untagged", &Workload::untagged),
      share("retries", &Workload::retries),
      share("wait_for_all", &Workload::wait_for_all)};
  return kFields;
}

const Fields<ClientBehaviour>& client_fields() {
  static const Fields<ClientBehaviour> kFields = {time_us("timeout", &ClientBehaviour::timeout_us),
                                                  count("retries_max", &ClientBehaviour::retries_max),
                                                  time_us("skew", &ClientBehaviour::skew_us)};
  return kFields;
}

// A new option of the engine is one line here.
const Fields<EngineOptions>& engine_fields() {
  static const Fields<EngineOptions> kFields = {
      time_ms("gossip_interval", &EngineOptions::gossip_interval_ms),
      time_ms("pull_timeout", &EngineOptions::pull_timeout_ms),
      time_ms("join_retry", &EngineOptions::join_retry_ms),
      time_ms("retry_window", &EngineOptions::retry_window_ms),
      time_ms("max_skew", &EngineOptions::max_skew_ms),
      time_ms("lease", &EngineOptions::lease_ms),
      count("answer_bytes_max", &EngineOptions::answer_bytes_max),
      count("push_bytes_max", &EngineOptions::push_bytes_max),
      count("direct_members_max", &EngineOptions::direct_members_max),
      time_ms("relay_silent", &EngineOptions::relay_silent_ms),
      time_ms("relay_gather", &EngineOptions::relay_gather_ms),
      share("full_at", &EngineOptions::full_at),
      yes_no("collect", &EngineOptions::collect),
      time_ms("evict_after", &EngineOptions::evict_after_ms),
      count("collect_rows_per_step", &EngineOptions::collect_rows_per_step),
      time_ms("probe_every", &EngineOptions::probe_every_ms),
      time_ms("dead_after", &EngineOptions::dead_after_ms),
  };
  return kFields;
}

const Fields<Scenario>& end_fields() {
  static const Fields<Scenario> kFields = {yes_no("heal", &Scenario::heal_at_end),
                                           time_us("settle", &Scenario::settle_us),
                                           names("core", &Scenario::core)};
  return kFields;
}

// ---- Reading

Problem at_line(const toml::source_region& source, const std::string& what) {
  return "line " + std::to_string(source.begin.line) + ": " + what;
}

Problem unknown_key(const toml::key& key, const std::string& path, const std::vector<std::string>& known) {
  return at_line(key.source(), "there is no key " + path + printable(key.str()) + did_you_mean(key.str(), known));
}

// All keys of `table` but those in `others`, which somebody else reads.
template <class Owner>
Problem take_fields(const toml::table& table, const std::string& path, const Fields<Owner>& fields, Owner& owner,
                    const std::vector<std::string>& others = {}) {
  for (auto&& [key, node] : table) {
    if (std::find(others.begin(), others.end(), key.str()) != others.end()) continue;
    const auto field = std::find_if(fields.begin(), fields.end(), [&](const auto& it) { return it.key == key.str(); });
    if (field == fields.end()) {
      std::vector<std::string> known = others;
      for (const auto& it : fields) known.push_back(it.key);
      return unknown_key(key, path, known);
    }
    if (auto problem = field->take(node, owner)) return at_line(key.source(), path + field->key + " " + *problem);
  }
  return std::nullopt;
}

// `section` of the file, if it is there.
template <class Owner>
Problem take_section(const toml::table& file, const char* section, const Fields<Owner>& fields, Owner& owner,
                     const std::vector<std::string>& others = {}) {
  const toml::node* node = file.get(section);
  if (node == nullptr) return std::nullopt;
  if (!node->is_table()) return at_line(node->source(), std::string(section) + " must be a section: [" + section + "]");
  return take_fields(*node->as_table(), std::string(section) + ".", fields, owner, others);
}

// A node's own section has names or a count, and groups.
Problem take_nodes(const toml::table& file, Scenario& scenario) {
  struct Nodes {
    std::uint32_t count = 0;
    std::vector<std::string> names;
  } nodes;
  static const Fields<Nodes> kFields = {count("count", &Nodes::count), names("names", &Nodes::names)};
  if (auto problem = take_section(file, "nodes", kFields, nodes, {"groups"})) return problem;
  const toml::table* table = file["nodes"].as_table();
  if (table == nullptr) return "nodes: the section is missing; say [nodes] and count = 3";
  if (table->contains("count") && table->contains("names")) {
    return at_line(table->source(), "nodes.count and nodes.names: say one of them");
  }
  constexpr std::uint32_t kCountMax = 1'000'000;  // check() says what is allowed; this bounds the memory until then.
  scenario.nodes = nodes.names;
  for (std::uint32_t i = 1; i <= std::min(nodes.count, kCountMax); ++i) {
    scenario.nodes.push_back("n" + std::to_string(i));
  }
  const toml::node* groups = table->get("groups");
  if (groups == nullptr) return std::nullopt;
  if (!groups->is_table()) {
    return at_line(groups->source(), "nodes.groups must name groups, as in groups.west = [\"n1\", \"n2\"]");
  }
  for (auto&& [key, node] : *groups->as_table()) {
    const std::string name(key.str());
    if (auto problem = take_names(node, scenario.groups[name])) {
      return at_line(key.source(), "nodes.groups." + printable(name) + " " + *problem);
    }
  }
  return std::nullopt;
}

Problem take_links(const toml::table& file, Scenario& scenario) {
  if (auto problem = take_section(file, "links", link_fields(), scenario.links, {"between"})) return problem;
  const toml::node* between = file["links"]["between"].node();
  if (between == nullptr) return std::nullopt;
  if (!between->is_array_of_tables()) {
    return at_line(between->source(), "links.between must be sections: [[links.between]]");
  }
  for (const auto& item : *between->as_array()) {
    LinkOverride override{"", "", scenario.links};  // What it does not say is as of all links.
    const toml::table& table = *item.as_table();
    static const Fields<LinkOverride> kEnds = {text("a", &LinkOverride::a), text("b", &LinkOverride::b)};
    std::vector<std::string> qualities;
    for (const auto& field : link_fields()) qualities.push_back(field.key);
    if (auto problem = take_fields(table, "links.between.", kEnds, override, qualities)) return problem;
    if (auto problem = take_fields(table, "links.between.", link_fields(), override.quality, {"a", "b"})) {
      return problem;
    }
    if (override.a.empty() || override.b.empty()) {
      return at_line(item.source(), "links.between needs a and b, the two groups or nodes that it is between");
    }
    scenario.between.push_back(std::move(override));
  }
  return std::nullopt;
}

// The line on which the first character of a string of several lines stands: behind the quotes, or the line below.
std::size_t first_line_of(const toml::node& node, std::string_view toml) {
  const std::size_t line = node.source().begin.line;
  std::size_t at = 0;
  for (std::size_t i = 1; i < line && at < toml.size(); ++i) at = std::min(toml.find('\n', at), toml.size() - 1) + 1;
  at += std::max<std::size_t>(node.source().begin.column, 1) - 1;
  at = toml.find_first_not_of("\"'", std::min(at, toml.size()));
  const bool below = at != std::string_view::npos && (toml[at] == '\n' || toml.substr(at, 2) == "\r\n");
  return below ? line + 1 : line;
}

Problem take_timeline(const toml::table& file, std::string_view toml, Scenario& scenario) {
  const toml::node* node = file.get("timeline");
  if (node == nullptr) return std::nullopt;
  if (const toml::table* table = node->as_table()) {
    for (auto&& [key, value] : *table) {
      if (key.str() != "events") return unknown_key(key, "timeline.", {"events"});
    }
    node = table->get("events");
    if (node == nullptr) return std::nullopt;
  }
  const auto words = node->value_exact<std::string>();
  if (!words) {
    return at_line(node->source(), "timeline must be a string of several lines, \"\"\" around it, one event a line");
  }
  std::size_t line_number = first_line_of(*node, toml);
  std::istringstream lines(*words);
  for (std::string line; std::getline(lines, line); ++line_number) {
    const std::size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string::npos || line[begin] == '#') continue;
    std::string problem;
    auto event = parse_event(std::string_view(line).substr(begin), problem);
    if (!event) return "line " + std::to_string(line_number) + ": " + problem;
    scenario.timeline.push_back(std::move(*event));
  }
  // People may group events by what they are about.
  std::stable_sort(scenario.timeline.begin(), scenario.timeline.end(),
                   [](const Event& a, const Event& b) { return a.at_us < b.at_us; });
  return std::nullopt;
}

Problem take_file(const toml::table& file, std::string_view toml, Scenario& scenario) {
  static const std::vector<std::string> kSections = {"nodes", "links", "disks", "workload", "clients", "engine",
                                                     "timeline", "end"};
  if (auto problem = take_fields(file, "", top_fields(), scenario, kSections)) return problem;
  if (auto problem = take_nodes(file, scenario)) return problem;
  if (auto problem = take_links(file, scenario)) return problem;
  if (auto problem = take_section(file, "disks", disk_fields(), scenario.disks)) return problem;
  if (auto problem = take_section(file, "workload", workload_fields(), scenario.workload)) return problem;
  if (auto problem = take_section(file, "clients", client_fields(), scenario.clients)) return problem;
  if (auto problem = take_section(file, "engine", engine_fields(), scenario.engine)) return problem;
  if (auto problem = take_section(file, "end", end_fields(), scenario)) return problem;
  return take_timeline(file, toml, scenario);
}

// ---- Writing

// The lines of all fields that differ from `usual`.
template <class Owner>
std::string lines_of(const Fields<Owner>& fields, const Owner& owner, const Owner& usual) {
  std::string out;
  for (const auto& field : fields) {
    const std::string shown = field.show(owner);
    if (shown != field.show(usual)) out += field.key + " = " + shown + "\n";
  }
  return out;
}

std::string section(const std::string& name, const std::string& lines) {
  return lines.empty() ? "" : "\n[" + name + "]\n" + lines;
}

std::string nodes_of(const Scenario& scenario) {
  bool numbered = true;
  for (std::size_t i = 0; i < scenario.nodes.size(); ++i) numbered &= scenario.nodes[i] == "n" + std::to_string(i + 1);
  std::string out = numbered ? "count = " + std::to_string(scenario.nodes.size()) + "\n"
                             : "names = " + toml_list(scenario.nodes) + "\n";
  for (const auto& [group, members] : scenario.groups) {
    // A dot of the name is not one of the path.
    const std::string key = group.find('.') == std::string::npos ? group : toml_quoted(group);
    out += "groups." + key + " = " + toml_list(members) + "\n";
  }
  return out;
}

std::string timeline_of(const std::vector<Event>& timeline) {
  if (timeline.empty()) return "";
  std::string lines;
  for (const Event& event : timeline) lines += to_words(event) + "\n";
  // Words of events have backslashes, which '''...''' leaves as they are.
  if (lines.find("'''") == std::string::npos) return "events = '''\n" + lines + "'''\n";
  std::string escaped;
  for (const char c : lines) {
    if (c == '\\' || c == '"') escaped += '\\';
    escaped += c;
  }
  return "events = \"\"\"\n" + escaped + "\"\"\"\n";
}

}  // namespace

std::optional<Scenario> parse_scenario(std::string_view toml, std::string& problem) {
  Scenario scenario;
  Problem found;
  try {
    const toml::table file = toml::parse(toml);
    found = take_file(file, toml, scenario);
  } catch (const toml::parse_error& error) {
    found = at_line(error.source(), std::string(error.description()));
  }
  if (!found) found = check(scenario);
  if (!found) return scenario;
  problem = *found;
  return std::nullopt;
}

std::string to_toml(const Scenario& scenario) {
  const Scenario usual;
  std::string out = lines_of(top_fields(), scenario, usual) + section("nodes", nodes_of(scenario)) +
                    section("links", lines_of(link_fields(), scenario.links, usual.links));
  for (const LinkOverride& between : scenario.between) {
    out += "\n[[links.between]]\na = " + toml_quoted(between.a) + "\nb = " + toml_quoted(between.b) + "\n" +
           lines_of(link_fields(), between.quality, scenario.links);
  }
  out += section("disks", lines_of(disk_fields(), scenario.disks, usual.disks)) +
         section("workload", lines_of(workload_fields(), scenario.workload, usual.workload)) +
         section("clients", lines_of(client_fields(), scenario.clients, usual.clients)) +
         section("engine", lines_of(engine_fields(), scenario.engine, usual.engine)) +
         section("timeline", timeline_of(scenario.timeline)) + section("end", lines_of(end_fields(), scenario, usual));
  return out.starts_with('\n') ? out.substr(1) : out;
}

}  // namespace kith::sim
