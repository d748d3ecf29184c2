#pragma once

#include <string>

#include "base/result.h"
#include "base/user_account.h"

namespace dashcap {

// Makes what root has made the user's, before root becomes that user: an archive directory, its lanes and their files.
// Nothing else: a directory that also holds something foreign is refused rather than given away, and what belongs to
// somebody other than root stays so.
Status HandOverArchive(const std::string& archive, const UserAccount& user);

// The same for the runtime directory and the status file.
Status HandOverRuntime(const std::string& directory, const UserAccount& user);

}  // namespace dashcap
