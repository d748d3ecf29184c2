#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dashcap {

// Exit codes of all programs.
inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;

// Where a command finds the archive: directories, or a server.
struct Target {
  std::vector<std::string> archives;
  std::string url;
  std::string token_file;
};

struct QueryCommand {
  Target target;
  std::map<std::string, std::string> parameters;  // as ParseRequest takes them
  std::string output;
  bool json() const {
    const auto format = parameters.find("format");
    return format != parameters.end() && format->second == "json";
  }
};

// Each does what its subcommand says and gives the exit code; errors are on standard error.
int RunQuery(const QueryCommand& command);
int RunCount(const QueryCommand& command);
int RunExplain(const QueryCommand& command);
int RunGaps(const QueryCommand& command, bool json);
int RunStatus(const Target& target, bool json);
int RunFiles(const Target& target, bool json);
int RunVerify(const Target& target);
int RunImport(const std::string& archive, std::optional<int> level, const std::vector<std::string>& files);

// "dashcap: MESSAGE" on standard error. Gives `code`.
int Complain(const std::string& message, int code = kFailed);

}  // namespace dashcap
