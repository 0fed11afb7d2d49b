#include "tools/kith/directory_commands.h"

#include <ostream>

#include <nlohmann/json.hpp>

#include "node/durable_file.h"
#include "node/json_text.h"
#include "node/view/text.h"
#include "tools/kith/directory_facts.h"
#include "tools/kith/table.h"

namespace kith::tools {
namespace {

using Json = nlohmann::ordered_json;

struct Findings {
  std::vector<std::string> pages;    // LMDB's own.
  std::vector<std::string> records;  // Ours.
  std::string whose;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;

  bool sound() const { return pages.empty() && records.empty(); }
};

// Throws StoreError when there is nothing that could be looked at.
Findings verify(const std::string& directory) {
  Findings out;
  try {
    const OfflineStore store(directory);
    out.bytes = store.pages().pages * store.pages().page_bytes;
    out.pages = store.pages().findings;
    if (!store.walkable()) return out;
    out.records = store.verify();
    const DirectoryFacts facts = look_at(store, directory);
    out.whose = whose(facts);
    for (const auto& [table, counted] : facts.tables) out.rows += counted.rows;
    if (facts.backup && facts.owner.node) {
      out.records.push_back("it is said to be a backup, and still has who its node was: it is none");
    }
    if (facts.backup && facts.backup->cluster != facts.owner.cluster) {
      out.records.push_back("its " + std::string(kBackupNote) + " is that of another cluster's backup");
    }
  } catch (const StoreError& error) {
    if (error.kind() != StoreError::Kind::kCorrupt) throw;
    if (out.records.empty()) out.records.push_back(error.what());
  } catch (const DurableFileError& error) {
    out.records.push_back(error.what());
  }
  return out;
}

constexpr std::string_view kPagesAdvice =
    "Its inner pages are damaged, so nobody can say which rows are lost. Start no node on it: set the directory aside and "
    "let a new node join with an empty one, or restore a backup; the other members have the data.";
constexpr std::string_view kRecordsAdvice =
    "A node that starts on it mends damaged rows from the other members, and says which it could not. What this says of "
    "'meta' cannot be mended: then set the directory aside and let a new node join, or restore a backup.";

Json json_of(const std::string& directory, const DirectoryFacts& facts, const PageReport& pages) {
  Json out;
  out["directory"] = name_json(directory);
  out["kind"] = facts.backup ? "backup" : "node";
  out["node"] = facts.owner.node ? Json{{"id", to_hex(facts.owner.node.value)}, {"name", facts.owner.node_name}} : Json();
  out["cluster"] = facts.owner.cluster ? Json{{"id", to_hex(facts.owner.cluster.value)},
                                              {"name", facts.owner.cluster_name},
                                              {"shard_count", facts.owner.shard_count}}
                                       : Json();
  if (facts.backup) {
    out["backup"] = {{"node", to_hex(facts.backup->node.value)},
                     {"name", facts.backup->name},
                     {"taken", facts.backup->taken}};
  }
  out["newest_commit"] = facts.newest ? Json(time_json(facts.newest)) : Json();
  out["tables"] = Json::array();
  for (const auto& [table, counted] : facts.tables) {
    out["tables"].push_back({{"table", table.first},
                             {"kind", to_string(table.second)},
                             {"rows", counted.rows},
                             {"live", counted.live},
                             {"removed_entries", counted.removed_entries},
                             {"bytes", counted.bytes}});
  }
  out["damaged_rows"] = facts.damaged_rows;
  out["shards_used"] = facts.shards_used;
  out["clock_entries"] = facts.clock_entries;
  out["clock_origins"] = facts.clock_origins;
  out["databases"] = Json::array();
  for (const DatabasePages& database : pages.databases) {
    out["databases"].push_back({{"name", database.name},
                                {"entries", database.entries},
                                {"bytes", database.pages() * pages.page_bytes}});
  }
  out["file"] = {{"bytes", pages.file_bytes},
                 {"page_bytes", pages.page_bytes},
                 {"pages", pages.pages},
                 {"free_pages", pages.free_pages},
                 {"lost_pages", pages.lost_pages},
                 {"map_bytes", pages.map_bytes},
                 {"transaction", pages.transaction}};
  return out;
}

void print(const Console& console, const DirectoryFacts& facts, const PageReport& pages) {
  std::ostream& out = console.out;
  out << whose(facts) << '\n';
  out << "newest commit " << (facts.newest ? iso_time(facts.newest.ms()) : "none") << "; "
      << (facts.owner.cluster ? std::to_string(facts.shards_used) + " of " + std::to_string(facts.owner.shard_count) + " shards used; "
                              : std::string())
      << count_of(facts.clock_entries, "clock entry", "clock entries") << " of "
      << count_of(facts.clock_origins, "origin", "origins") << "\n\n";
  Table rows({"table", "kind", "rows", "live", "removed entries", "size"}, 2);
  for (const auto& [table, counted] : facts.tables) {
    rows.add({table.first, std::string(to_string(table.second)), std::to_string(counted.rows), std::to_string(counted.live),
              std::to_string(counted.removed_entries), bytes_in_words(counted.bytes)});
  }
  if (!rows.empty()) rows.print(console);
  if (facts.damaged_rows > 0) {
    out << console.paint(Color::kBad, count_of(facts.damaged_rows, "damaged row", "damaged rows")) << " beside these\n";
  }
  out << '\n';
  Table databases({"database", "entries", "size"}, 1);
  for (const DatabasePages& database : pages.databases) {
    databases.add({database.name, std::to_string(database.entries), bytes_in_words(database.pages() * pages.page_bytes)});
  }
  databases.print(console);
  out << "\ndata.mdb " << bytes_in_words(pages.file_bytes) << "; pages in use up to "
      << bytes_in_words(pages.pages * pages.page_bytes) << ", of which "
      << bytes_in_words(pages.free_pages * pages.page_bytes) << " free for new rows";
  if (pages.lost_pages > 0) out << " and " << bytes_in_words(pages.lost_pages * pages.page_bytes) << " lost";
  out << "; map " << bytes_in_words(pages.map_bytes) << '\n';
}

}  // namespace

ExitCode run_verify(Context& context, const CommandLine& line) {
  const std::string& directory = line.arguments[0];
  const Console& console = context.console;
  Findings found;
  try {
    found = verify(directory);
  } catch (const StoreError& error) {
    throw CommandError(ExitCode::kUsage, error.what());
  }
  if (line.settings.json) {
    Json findings = Json::array();
    for (const auto* list : {&found.pages, &found.records}) {
      for (const std::string& finding : *list) findings.push_back(Json(name_json(finding)));
    }
    console.out << Json{{"directory", name_json(directory)},
                        {"sound", found.sound()},
                        {"walkable", found.pages.empty()},
                        {"findings", std::move(findings)},
                        {"rows", found.rows},
                        {"bytes", found.bytes}}
                       .dump(2)
                << '\n';
    return found.sound() ? ExitCode::kOk : ExitCode::kFailed;
  }
  if (found.sound()) {
    console.out << console.paint(Color::kGood, "sound") << ": " << escaped(directory) << ", "
                << count_of(found.rows, "row", "rows") << ", " << bytes_in_words(found.bytes) << ", " << found.whose << '\n';
    return ExitCode::kOk;
  }
  console.out << console.paint(Color::kBad, "damaged") << ": " << escaped(directory)
              << (found.whose.empty() ? "" : ", " + found.whose) << '\n';
  for (const auto* list : {&found.pages, &found.records}) {
    for (const std::string& finding : *list) console.out << "  " << escaped(finding) << '\n';
  }
  console.out << (found.pages.empty() ? kRecordsAdvice : kPagesAdvice) << '\n';
  return ExitCode::kFailed;
}

ExitCode run_stat(Context& context, const CommandLine& line) {
  const std::string& directory = line.arguments[0];
  try {
    const OfflineStore store(directory);
    if (!store.walkable()) {
      throw CommandError(ExitCode::kFailed, directory + "/data.mdb is damaged: " + store.pages().findings.front() +
                                                "; `kith verify` says what to do");
    }
    const DirectoryFacts facts = look_at(store, directory);
    if (line.settings.json) {
      context.console.out << json_of(directory, facts, store.pages()).dump(2) << '\n';
    } else {
      print(context.console, facts, store.pages());
    }
    return ExitCode::kOk;
  } catch (const StoreError& error) {
    const bool damaged = error.kind() == StoreError::Kind::kCorrupt;
    throw CommandError(damaged ? ExitCode::kFailed : ExitCode::kUsage, error.what());
  } catch (const DurableFileError& error) {
    throw CommandError(ExitCode::kFailed, error.what());
  }
}

}  // namespace kith::tools
