import { abnormalSpending } from './abnormal-spending.ts'
import { highRiskLocation } from './high-risk-location.ts'
import { largeAmount } from './large-amount.ts'
import type { Rule } from './rule.ts'
import { spendingVelocity } from './spending-velocity.ts'
import { suspiciousMerchant } from './suspicious-merchant.ts'

/** All rules, in the order in which findings are listed. A new rule is a file and a line here. */
export const rules: readonly Rule[] = [
  largeAmount,
  suspiciousMerchant,
  highRiskLocation,
  abnormalSpending,
  spendingVelocity,
]
