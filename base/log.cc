#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <memory>

namespace dashcap {
namespace {

spdlog::level::level_enum Level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      break;
  }
  return spdlog::level::err;
}

bool UnderSystemd() { return std::getenv("JOURNAL_STREAM") != nullptr; }

// sd-daemon(3): the journal takes the priority from a prefix of the line.
const char* JournalPrefix(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "<7>";
    case LogLevel::kInfo:
      return "<6>";
    case LogLevel::kWarning:
      return "<4>";
    case LogLevel::kError:
      break;
  }
  return "<3>";
}

spdlog::logger& Logger() {
  static const std::shared_ptr<spdlog::logger> logger = [] {
    auto made = std::make_shared<spdlog::logger>("dashcap", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern(UnderSystemd() ? "%v" : "%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *logger;
}

}  // namespace

void SetLogLevel(LogLevel level) { Logger().set_level(Level(level)); }

bool LogEnabled(LogLevel level) { return Logger().should_log(Level(level)); }

void WriteLog(LogLevel level, std::string_view line) {
  static const bool under_systemd = UnderSystemd();
  if (under_systemd) {
    Logger().log(Level(level), "{}{}", JournalPrefix(level), line);
  } else {
    Logger().log(Level(level), line);
  }
}

}  // namespace dashcap
