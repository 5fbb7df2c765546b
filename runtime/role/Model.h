// The names of a package's tables, parameters and inputs as numbers, the same in every role.
#ifndef HETER_RUNTIME_ROLE_MODEL_H
#define HETER_RUNTIME_ROLE_MODEL_H

#include "runtime/base/Status.h"
#include "runtime/export/ExportIndex.h"
#include "runtime/package/Package.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace heter::runtime {

class Model {
public:
  struct Part {
    int table = 0;    ///< Index in PackageInfo.tables.
    int part = 0;     ///< Index in its parts.
    int64_t dim = 0;  ///< Floats of a row's value.
    std::string name; ///< "emb" or "emb.part", for messages.
  };

  explicit Model(const package::PackageInfo &info);

  const std::vector<Part> &parts() const { return parts_; }
  /// Parts are numbered through all tables, as ParameterStore::findPart does.
  StatusOr<int> findPart(const std::string &table, const std::string &part) const;
  StatusOr<int> findPart(int table, int part) const;
  StatusOr<int> findParameter(const std::string &name) const;
  StatusOr<int> findInput(const std::string &name) const;

  int parameterCount() const { return static_cast<int>(elements_.size()); }
  int64_t parameterElements(int parameter) const { return elements_[static_cast<size_t>(parameter)]; }
  /// Whether any parameter keeps an average of its values.
  bool hasAverages() const { return hasAverages_; }
  const std::string &parameterName(int parameter) const { return names_[static_cast<size_t>(parameter)]; }

private:
  std::vector<Part> parts_;
  std::vector<int> firstPart_; ///< By table.
  std::map<std::pair<std::string, std::string>, int> partByName_;
  std::vector<std::string> names_;
  std::vector<int64_t> elements_;
  bool hasAverages_ = false;
  std::map<std::string, int> parameterByName_;
  std::map<std::string, int> inputByName_;
};

/// The parameters that a program's graphs pull, in order.
std::vector<int> pulledParameters(const Model &model, const package::RoleProgram &program);

/// The table parts that a program's graphs look up.
std::set<int> pulledParts(const Model &model, const package::RoleProgram &program);

/// The table parts that any heter-trainer of the package looks up.
std::set<int> heterParts(const Model &model, const Package &package);

/// What the package's predictions read of its tables and parameters.
exports::PredictionNeeds predictionNeeds(const Package &package);

/// The device classes of the package's heter-trainers, in the order of its roles.
std::vector<std::string> heterClasses(const package::PackageInfo &info);

inline const std::string heterTrainerPrefix = "heter-trainer.";

} // namespace heter::runtime

#endif // HETER_RUNTIME_ROLE_MODEL_H
