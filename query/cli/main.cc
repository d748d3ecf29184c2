#include <signal.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/nearest_word.h"
#include "query/cli/commands.h"

namespace dashcap {
namespace {

void AddTarget(CLI::App& command, Target& target) {
  auto* archive = command.add_option("--archive", target.archives, "Archive directory (may be given several times)")
                      ->type_name("DIR");
  auto* url = command.add_option("--url", target.url, "Server: http://HOST:PORT or unix:/PATH")->type_name("URL");
  command
      .add_option("--token-file", target.token_file,
                  "File with the server's bearer token; else $DASHCAP_TOKEN is taken")
      ->type_name("FILE");
  archive->excludes(url);
}

// The options that are parameters of a request, under their names there.
enum class With { kExpression, kTimesOnly };
void AddQuery(CLI::App& command, QueryCommand& query, With with = With::kExpression) {
  const auto parameter = [&](const char* option, const char* name, const char* help, const char* type) {
    command
        .add_option_function<std::string>(
            option, [&query, name](const std::string& value) { query.parameters[name] = value; }, help)
        ->type_name(type);
  };
  if (with == With::kExpression)
    parameter("expression", "q", "What to find, as in: host 10.1.2.3 and port 445 (empty: everything)", "EXPR");
  parameter("--last", "last", "The time up to now: 90s, 10m, 1h30m", "DURATION");
  parameter("--from", "from", "Packets at this time and later, 2026-11-24T02:10 (UTC) or seconds since 1970", "TIME");
  parameter("--to", "to", "Packets before this time", "TIME");
  AddTarget(command, query.target);
}

void AddAnswer(CLI::App& command, QueryCommand& query) {
  const auto parameter = [&](const char* option, const char* name, const char* help, const char* type) {
    command
        .add_option_function<std::string>(
            option, [&query, name](const std::string& value) { query.parameters[name] = value; }, help)
        ->type_name(type);
  };
  parameter("--format", "format", "pcap (default), pcapng or json", "FORMAT");
  parameter("--limit-packets", "limit_packets", "Stop after this many packets", "N");
  parameter("--limit-bytes", "limit_bytes", "Stop before the packets exceed this many bytes", "N");
  command.add_option("-w", query.output, "Write to FILE; - is standard output")->type_name("FILE");
}

// Empty when the first argument is a command or an option.
std::string WrongCommand(const CLI::App& app, const char* argument) {
  if (!argument || argument[0] == '-') return "";
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands(nullptr)) names.push_back(command->get_name());
  if (std::find(names.begin(), names.end(), argument) != names.end()) return "";
  const std::vector<std::string_view> views(names.begin(), names.end());
  std::string message = std::string("unknown command \"") + argument + "\"";
  const std::string_view nearest = NearestWord(argument, views);
  if (!nearest.empty()) message += "; did you mean \"" + std::string(nearest) + "\"?";
  return message;
}

int CheckTarget(const Target& target) {
  if (!target.archives.empty() || !target.url.empty()) return kDone;
  return Complain("where is the archive? --archive DIR or --url URL", kUsage);
}

int Main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  CLI::App app("Asks, fills and checks archives of recorded packets.", "dashcap");
  app.set_version_flag("--version", "dashcap " DASHCAP_VERSION);
  app.require_subcommand(1);
  QueryCommand query;
  Target target;
  bool json = false;
  std::string import_archive;
  std::optional<int> level;
  std::vector<std::string> captures;

  CLI::App* query_command = app.add_subcommand("query", "Get packets");
  AddQuery(*query_command, query);
  AddAnswer(*query_command, query);
  CLI::App* count_command = app.add_subcommand("count", "Count packets");
  AddQuery(*count_command, query);
  CLI::App* explain_command = app.add_subcommand("explain", "Show how a query would be answered");
  AddQuery(*explain_command, query);
  CLI::App* gaps_command = app.add_subcommand("gaps", "List what is missing, and why");
  AddQuery(*gaps_command, query, With::kTimesOnly);
  gaps_command->add_flag("--json", json, "As JSON");
  CLI::App* status_command = app.add_subcommand("status", "Show what an archive holds");
  AddTarget(*status_command, target);
  status_command->add_flag("--json", json, "As JSON");
  CLI::App* files_command = app.add_subcommand("files", "List blockfiles");
  AddTarget(*files_command, target);
  files_command->add_flag("--json", json, "As JSON");
  CLI::App* verify_command = app.add_subcommand("verify", "Read everything and check it");
  verify_command->add_option("--archive", target.archives, "Archive directory")->type_name("DIR")->required();
  CLI::App* import_command = app.add_subcommand("import", "Store captures (pcap, pcapng) in an archive");
  import_command->add_option("--archive", import_archive, "Archive directory")->type_name("DIR")->required();
  import_command->add_option("--compress", level, "Store blocks as zstd frames of this level, 1 to 19")
      ->type_name("LEVEL")
      ->check(CLI::Range(1, 19));
  import_command->add_option("captures", captures, "Capture files; - is standard input")->type_name("FILE")->required();

  if (const std::string wrong = WrongCommand(app, argv[1]); !wrong.empty()) return Complain(wrong, kUsage);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kUsage;
  }
  if (*import_command) return RunImport(import_archive, level, captures);
  const bool is_query = *query_command || *count_command || *explain_command || *gaps_command;
  if (const int code = CheckTarget(is_query ? query.target : target); code != kDone) return code;
  if (*query_command) return RunQuery(query);
  if (*count_command) return RunCount(query);
  if (*explain_command) return RunExplain(query);
  if (*gaps_command) return RunGaps(query, json);
  if (*status_command) return RunStatus(target, json);
  if (*files_command) return RunFiles(target, json);
  return RunVerify(target);
}

}  // namespace
}  // namespace dashcap

int main(int argc, char** argv) {
  try {
    return dashcap::Main(argc, argv);
  } catch (const std::exception& error) {  // of a library
    std::fprintf(stderr, "dashcap: %s\n", error.what());
    return 1;
  }
}
