#pragma once

#include <map>
#include <string>

#include "query/cli/commands.h"
#include "query/cli/output.h"

namespace dashcap {

// Asks a server and gives the exit code. URLs: http://HOST:PORT, or unix:/PATH. A token comes from the target's file,
// or else from the environment (DASHCAP_TOKEN).
int FetchRemote(const Target& target, const std::string& path, const std::map<std::string, std::string>& parameters,
                Output& output);
// To standard output, for text.
int PrintRemote(const Target& target, const std::string& path, const std::map<std::string, std::string>& parameters);

}  // namespace dashcap
