// The enums of the task dialect, apart because enums are generated for all included files.
#ifndef HETER_DIALECTS_TASK_TASKENUMS_TD
#define HETER_DIALECTS_TASK_TASKENUMS_TD

include "mlir/IR/EnumAttr.td"

def Task_Space : I32EnumAttr<"Space", "whose memory it is", [
    I32EnumAttrCase<"Host", 1, "host">, I32EnumAttrCase<"Device", 2, "device">]> {
  let cppNamespace = "::heter::task";
  let genSpecializedAttr = 0;
}

#endif // HETER_DIALECTS_TASK_TASKENUMS_TD
