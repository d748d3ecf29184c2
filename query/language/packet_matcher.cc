#include "query/language/packet_matcher.h"

#include <algorithm>
#include <vector>

#include "packet/decoder.h"
#include "packet/inner_layers.h"
#include "query/language/encapsulation.h"
#include "query/language/matcher.h"
#include "query/language/parser.h"

namespace dashcap {
namespace {

// One packet under one query.
class Evaluation {
 public:
  using Programs = std::unordered_map<const Expression*, const FilterProgram*>;

  Evaluation(const Programs& programs, const Packet& packet, LinkType link_type, const FlowKey* key)
      : programs_(programs), packet_(packet), link_type_(link_type), key_(key) {}

  bool Evaluate(const Expression& expression) {
    const auto evaluate = [this](const ExpressionPtr& child) { return Evaluate(*child); };
    if (const auto* node = std::get_if<NotNode>(&expression.node)) return !Evaluate(*node->child);
    if (const auto* node = std::get_if<AndNode>(&expression.node))
      return std::all_of(node->children.begin(), node->children.end(), evaluate);
    if (const auto* node = std::get_if<OrNode>(&expression.node))
      return std::any_of(node->children.begin(), node->children.end(), evaluate);
    if (std::holds_alternative<AllTerm>(expression.node)) return true;
    if (const auto* term = std::get_if<TimeTerm>(&expression.node)) return term->range.Contains(packet_.timestamp);
    if (key_) {
      if (const auto known = DecideByKey(expression, *key_)) return *known;
    }
    const auto program = programs_.find(&expression);
    return program != programs_.end() && program->second && AnyLayerPasses(*program->second);
  }

 private:
  bool AnyLayerPasses(const FilterProgram& program) {
    if (program.Accepts(packet_.bytes, packet_.original_length)) return true;
    const auto passes = [&](const std::vector<uint8_t>& inner) {
      return program.Accepts(inner, packet_.original_length);
    };
    const auto& inner = InnerPackets();
    return std::any_of(inner.begin(), inner.end(), passes);
  }

  const std::vector<std::vector<uint8_t>>& InnerPackets() {
    if (inner_) return *inner_;
    inner_.emplace();
    const std::vector<Layer> layers = LayersOf(link_type_, packet_.bytes);
    for (size_t i = 1; i < layers.size(); i++) {
      auto inner = WithoutOuterLayers(link_type_, packet_.bytes, layers[i]);
      if (!inner.empty()) inner_->push_back(std::move(inner));
    }
    return *inner_;
  }

  const Programs& programs_;
  const Packet& packet_;
  LinkType link_type_;
  const FlowKey* key_;
  std::optional<std::vector<std::vector<uint8_t>>> inner_;
};

}  // namespace

const FilterProgram* FilterPrograms::Find(const std::string& filter, LinkType link_type) {
  const auto [place, added] = programs_.try_emplace({link_type, filter});
  if (added) {
    if (auto program = FilterProgram::Compile(filter, link_type)) place->second.emplace(std::move(*program));
  }
  return place->second ? &*place->second : nullptr;
}

PacketMatcher::PacketMatcher(ExpressionPtr expression, LinkType link_type, FilterPrograms& programs)
    : expression_(std::move(expression)), link_type_(link_type), decoded_(Decodes(link_type)) {
  if (!decoded_) expression_ = WithInnerReadingOfTags(expression_);
  Compile(*expression_, programs);
}

void PacketMatcher::Compile(const Expression& expression, FilterPrograms& programs) {
  if (const auto* node = std::get_if<NotNode>(&expression.node)) return Compile(*node->child, programs);
  if (const auto* all = std::get_if<AndNode>(&expression.node)) {
    for (const ExpressionPtr& child : all->children) Compile(*child, programs);
  } else if (const auto* any = std::get_if<OrNode>(&expression.node)) {
    for (const ExpressionPtr& child : any->children) Compile(*child, programs);
  } else if (std::holds_alternative<AllTerm>(expression.node) || std::holds_alternative<TimeTerm>(expression.node)) {
    return;
  } else if (!decoded_ || AsksPackets(expression)) {
    programs_.emplace(&expression, programs.Find(PrintQuery(expression), link_type_));
  }
}

bool PacketMatcher::Matches(const Packet& packet, const FlowKey& key) const {
  return Evaluation(programs_, packet, link_type_, decoded_ ? &key : nullptr).Evaluate(*expression_);
}

bool PacketMatcher::MatchesWithoutKey(const Packet& packet) const {
  return Evaluation(programs_, packet, link_type_, nullptr).Evaluate(*expression_);
}

}  // namespace dashcap
