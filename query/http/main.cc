#include <signal.h>
#include <systemd/sd-daemon.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "config/config.h"
#include "query/http/privileges.h"
#include "query/http/server.h"

namespace dashcap {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;

struct CommandLine {
  std::string config = "/etc/dashcap/dashcap.json";
  bool check = false;
  std::string archive;
  std::vector<std::string> listen;
};

Config Override(Config config, const CommandLine& options) {
  if (!options.archive.empty()) config.archive.directories = {options.archive};
  if (!options.listen.empty()) config.query.listen = options.listen;
  return config;
}

Status CheckTokens(const Config& config) {
  for (const std::string& address : config.query.listen) {
    if (!address.starts_with("tcp:") || !config.query.tokens.empty()) continue;
    return Fail(ErrorKind::kInvalidInput, "listen " + address + ": TCP needs at least one entry in query.tokens");
  }
  return {};
}

// systemd's watchdog is told of every second in which the server got round.
void ServeUntilTold(const Server& server, const sigset_t& signals) {
  constexpr timespec kSecond{1, 0};
  uint64_t before = server.rounds();
  while (::sigtimedwait(&signals, nullptr, &kSecond) < 0) {
    const uint64_t rounds = server.rounds();
    if (rounds != before) ::sd_notify(0, "WATCHDOG=1");
    before = rounds;
  }
}

Status Run(const Config& config, const std::string& config_path) {
  if (Status status = CheckTokens(config); !status) return status;
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT}) sigaddset(&signals, signal);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);

  std::vector<Listener> listeners;
  for (const std::string& address : config.query.listen) {
    auto listener = Listen(address, config.query.socket_group);
    if (!listener) return Fail(listener.error());
    LogInfo("listening on {}", listener->name);
    listeners.push_back(std::move(*listener));
  }
  if (Status status = GiveUpPrivileges(config, config_path); !status) return status;
  auto archive = Archive::Open(config.archive.directories);
  if (!archive) return Fail(archive.error());
  QueryService service(**archive, TokenCheck(config.query.tokens),
                       {config.runtime_directory + "/status.json", config.query.max_concurrent_queries});
  Server server(std::move(listeners), service);
  std::jthread serving([&server](std::stop_token stop) { server.Run(std::move(stop)); });
  ::sd_notify(0, "READY=1");
  ServeUntilTold(server, signals);
  ::sd_notify(0, "STOPPING=1");
  serving.request_stop();
  serving.join();
  return {};
}

int Main(int argc, char** argv) {
  CLI::App app("Answers queries about what dashcapd recorded, over HTTP.", "dashcap-queryd");
  CommandLine options;
  app.set_version_flag("--version", "dashcap-queryd " DASHCAP_VERSION);
  app.add_option("--config", options.config, "Settings")->type_name("FILE")->capture_default_str();
  app.add_flag("--check", options.check, "Check the settings, print what is wrong, and exit");
  app.add_option("--archive", options.archive, "Answer from this directory instead of the configured ones")
      ->type_name("DIR");
  app.add_option("--listen", options.listen, "unix:/PATH or tcp:HOST:PORT, instead of the configured ones")
      ->type_name("ADDRESS");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  auto config = LoadConfig(options.config);
  if (!config) {
    std::fprintf(stderr, "dashcap-queryd: %s\n", config.error().message.c_str());
    return kFailed;
  }
  if (options.check) return 0;
  if (Status status = Run(Override(std::move(*config), options), options.config); !status) {
    LogError("{}", status.error().message);
    return kFailed;
  }
  return 0;
}

}  // namespace
}  // namespace dashcap

int main(int argc, char** argv) {
  try {
    return dashcap::Main(argc, argv);
  } catch (const std::exception& error) {  // of a library
    std::fprintf(stderr, "dashcap-queryd: %s\n", error.what());
    return 1;
  }
}
