#pragma once

#include <stop_token>

#include "query/search/file_opener.h"

namespace dashcap {

// Adds up what the question asks for in one blockfile: from the flow records as far as they tell, the rest by reading.
// False when the index can't say (there is none, or it is damaged); nothing was added then.
Result<bool> CountByIndex(FileOpener& opener, const CandidateFile& file, const Question& question, std::stop_token stop,
                          CountAnswer& answer);

// Adds one packet.
void CountPacket(const Packet& packet, CountAnswer& answer);

}  // namespace dashcap
