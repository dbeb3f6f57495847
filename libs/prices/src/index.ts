export { costOf, dearestCostOf, LIST_PRICES, loadPrices, type ModelPrices, modelPricesField, pricedModel, type RequestTokens } from './model-prices.js';
